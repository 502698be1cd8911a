import { describe, expect, it } from "vitest";
import { isolationViolations } from "./container-config.ts";

const GRANTED = {
  HostConfig: { Privileged: false, ReadonlyRootfs: true, NetworkMode: "none", Memory: 2 ** 30, PidsLimit: 256, NanoCpus: 1e9 },
  Mounts: [{ RW: false }],
};

describe("a container as the engine created it", () => {
  it("is accepted when it matches the request", () => {
    expect(isolationViolations(GRANTED)).toEqual([]);
    // Podman reports the same CPU share in another way.
    expect(isolationViolations({ ...GRANTED, HostConfig: { ...GRANTED.HostConfig, NanoCpus: 0, CpuQuota: 100_000 } })).toEqual([]);
  });
  it.each([
    ["privileged", { Privileged: true }],
    ["writable", { ReadonlyRootfs: false }],
    ["network", { NetworkMode: "bridge" }],
    ["memory", { Memory: 0 }],
    ["process limit", { PidsLimit: -1 }],
    ["CPU limit", { NanoCpus: 0 }],
  ])("is refused for a difference in: %s", (word, other) =>
    expect(isolationViolations({ ...GRANTED, HostConfig: { ...GRANTED.HostConfig, ...other } }).join()).toContain(word),
  );
  it("is refused when the image declares a volume", () =>
    expect(isolationViolations({ ...GRANTED, Mounts: [{ RW: false }, { RW: true }] }).join()).toContain("image"));
});
