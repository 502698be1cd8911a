import { describe, expect, it } from "vitest";
import { parseTerms } from "../../core/terms/parse-terms.ts";
import { parseNvidiaSmi } from "../../machine/nvidia-gpus.ts";
import type { HostMetrics } from "../../machine/machine-monitor.ts";
import { dockerAbsence, type DockerProbe } from "../../sandbox/docker/docker-probe.ts";
import { unenforcedLimits } from "../../sandbox/docker/engine-requirements.ts";
import { checkGpus, checkEngine, checkSensors, checkDonatedDisk } from "./doctor-donor.ts";

const BLIND: HostMetrics = {
  idleMs: undefined,
  idleSensors: [],
  othersLoad: undefined,
  onBattery: undefined,
  programs: undefined,
  celsius: undefined,
  watts: undefined,
  joules: undefined,
  gpus: [],
};

describe("the doctor's container checks", () => {
  it.each<[string, { code?: string; message: string }, string, string]>([
    [
      "without permission",
      { code: "EACCES", message: "connect EACCES /var/run/docker.sock" },
      "no permission on its socket",
      "usermod -aG docker",
    ],
    [
      "without an engine",
      { code: "ENOENT", message: "connect ENOENT /var/run/docker.sock" },
      "no engine is running",
      "apt-get install docker.io",
    ],
    [
      "with an engine that is stopped",
      { code: "ECONNREFUSED", message: "connect" },
      "no engine is running",
      "systemctl enable --now docker",
    ],
    ["with something else amiss", { message: "the socket hung up" }, "the socket hung up", "docker"],
  ])("the finding for %s says how to fix it", (...[, error, detail, fix]) => {
    const [finding] = checkEngine(dockerAbsence(error as NodeJS.ErrnoException), "linux");
    expect(finding).toMatchObject({ ok: false, needed: false, detail: expect.stringContaining(detail), fix: expect.stringContaining(fix) });
  });

  it("names the limits that the kernel does not enforce, as `docker info` reports them", () => {
    expect(unenforcedLimits({ MemoryLimit: true, SwapLimit: false, CpuCfsQuota: true, PidsLimit: false })).toEqual(["swap", "processes"]);
    expect(unenforcedLimits({})).toEqual([]); // an engine that does not say
    const probe: DockerProbe = {
      here: true,
      version: "20.10.24",
      runtimes: ["runc"],
      cdi: false,
      unenforced: ["memory", "swap"],
      runtime: { age: "fixed", version: "1.3.3" },
      environments: ["4.3.2", "3.4.1"],
    };
    expect(checkEngine(probe, "linux")).toMatchObject([
      { what: "Docker", ok: true },
      {
        what: "Docker limits",
        ok: false,
        detail: expect.stringContaining("memory, swap"),
        fix: expect.stringContaining("cgroup_enable=memory"),
      },
      { what: "environments", ok: true, detail: "Blender 4.3.2, Blender 3.4.1" },
    ]);
    const bare: DockerProbe = { ...probe, unenforced: [], environments: [], runtime: { age: "old", version: "1.1.9" } };
    expect(checkEngine(bare, "linux", true)).toMatchObject([
      { what: "Docker", ok: true },
      { what: "Docker runtime", ok: false, detail: expect.stringContaining("1.1.9"), fix: expect.stringContaining("--allow-old-runtime") },
      { what: "environments", ok: false, fix: "bridge env build" },
      { what: "Docker GPUs", ok: false, fix: expect.stringContaining("nvidia-container-toolkit") },
    ]);
  });
});

describe("the doctor's checks of the owner's terms", () => {
  it("says which terms this machine cannot observe, and what happens when they are set", () => {
    const calm = checkSensors(parseTerms({}), BLIND);
    expect(calm.every(({ ok, needed }) => !ok && !needed)).toBe(true);
    const asked = checkSensors(parseTerms({ idle: "5m", watts: "200" }), BLIND);
    expect(asked.find(({ what }) => what === "donor: idle time")).toMatchObject({
      detail: expect.stringContaining("the donor stays closed"),
      fix: expect.stringContaining("bridge donate set idle=default"),
    });
    expect(asked.find(({ what }) => what === "donor: power")?.fix).toContain("bridge donate set watts=default");
  });

  it("says which sensor each value comes from", () => {
    const hostMetrics = {
      ...BLIND,
      idleMs: 5,
      idleSensors: ["GNOME", "terminals"],
      onBattery: true,
      programs: ["a", "b"],
      celsius: 51.6,
      watts: 44,
    };
    expect(checkSensors(parseTerms({}), hostMetrics).map(({ ok, detail }) => [ok, detail])).toEqual([
      [true, "by GNOME, terminals"],
      [true, "on battery"],
      [true, "2 seen"],
      [true, "52 °C"],
      [true, "44 W"],
    ]);
  });

  it("compares the donated disk space with the free disk space", () => {
    expect(checkDonatedDisk(parseTerms({ disk: "20g" }), 74 * 2 ** 30)).toMatchObject({ ok: true, fix: undefined });
    expect(checkDonatedDisk(parseTerms({ disk: "20g" }), 10 * 2 ** 30)).toMatchObject({ ok: false, fix: "bridge donate set disk=5g" });
  });

  it("finds the GPUs, and reports missing ones only when they are donated", () => {
    const cards = parseNvidiaSmi(
      "0, GPU-5f7f5c0e-2a2b, 00000000:01:00.0, NVIDIA GeForce RTX 4090, 24564, 1523, 37, 61, 212.45, 550.54.14, 8.9",
    );
    expect(checkGpus(cards, { gpus: "all" })).toMatchObject({
      ok: true,
      detail: "0: NVIDIA GeForce RTX 4090, 24 GiB, driver 550.54.14",
    });
    expect(checkGpus([], { gpus: "none" }).ok).toBe(true);
    expect(checkGpus([], { gpus: "all" })).toMatchObject({ ok: false, fix: expect.stringContaining("nvidia-smi") });
    expect(checkGpus(cards, { gpus: ["3"] })).toMatchObject({ ok: false, detail: expect.stringContaining('"3"') });
  });
});
