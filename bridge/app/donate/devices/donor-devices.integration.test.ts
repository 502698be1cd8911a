import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemDisk } from "../../../kernel/disk.ts";
import { withRecordedDevices } from "../../../blender/fixtures/recorded-devices.ts";
import { patience, TEST_BUILD } from "../../../blender/fixtures/session-kit.ts";
import { parseTerms, type TermTexts } from "../../../core/terms/parse-terms.ts";
import type { StartProcess } from "../../../blender/types.ts";
import { AMD, card } from "../../../core/gpu/fixtures/cards.ts";
import type { Gpu } from "../../../core/gpu/gpu.ts";
import { startPlainProcess } from "../../../sandbox/process/process-sandbox.ts";
import { DonorDevices } from "./donor-devices.ts";
import { BenchmarkCache } from "./benchmark-cache.ts";

const CPU = { blenderVersion: TEST_BUILD.version, buildHash: TEST_BUILD.buildHash, backend: "CPU", arch: "avx2" } as const;
const OPTIX_0 = "CUDA_NVIDIA GeForce RTX 3090_0000:01:00_OptiX";

let scratch: string;
beforeAll(async () => void (scratch = await mkdtemp(join(tmpdir(), "devices-"))));
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** A donor's devices on a machine with these GPUs; the n-th Blender is started by the n-th launcher, later ones by the last. */
async function devicesOf(cards: readonly Gpu[], starts: readonly [StartProcess, ...StartProcess[]], cache = "none.json") {
  const notes: string[] = [];
  let started = 0;
  const size = { threads: 2, memoryBytes: 2 ** 33 };
  const deps = {
    blender: { build: TEST_BUILD, deviceClass: CPU },
    speeds: await BenchmarkCache.open(systemDisk, join(scratch, cache)),
    gpus: cards,
    probePlace: async () => ({ scratch, start: starts[Math.min(started++, starts.length - 1)] ?? starts[0] }),
    cores: 8,
    note: (message: string) => void notes.push(message),
  };
  const devices = new DonorDevices(deps, parseTerms({}), size);
  /** The devices after they were tried under these terms; true when they are others now. */
  const preparedFor = async (texts: TermTexts) => {
    devices.follow(parseTerms(texts), size);
    return await devices.prepare(patience());
  };
  return { devices, preparedFor, notes, started: () => started };
}

describe("the devices of a donor", () => {
  it("are one slot per GPU, tested and measured once with the best backend", async () => {
    const first = await devicesOf([card(0), card(1)], [withRecordedDevices()], "speeds.json");
    expect(await first.preparedFor({ gpus: "0" })).toBe(true);
    expect(first.devices.useOf(0)).toEqual({ backend: "OPTIX", deviceIds: [OPTIX_0] });
    const seen = [card(0, { load: 0.5, watts: 300 })];
    expect(first.devices.power(seen)).toMatchObject({
      builds: [{ backend: "OPTIX", arch: "sm_86", driver: "550.54.14" }],
      gpus: [{ name: "NVIDIA GeForce RTX 3090", load: 0.5, watts: 300 }],
      gpuNote: undefined,
      speed: expect.any(Number),
      gpuMemoryBytes: 24 * 2 ** 30,
    });
    expect(first.notes).toEqual([]);
    expect(await first.preparedFor({ gpus: "0" })).toBe(false);
    const second = await devicesOf([card(0), card(1)], [withRecordedDevices()], "speeds.json");
    await second.preparedFor({ gpus: "0" });
    expect([first.started(), second.started()]).toEqual([2, 1]);
  });

  it("use the next backend when the best one does not work, with a message", async () => {
    const { devices, preparedFor, notes } = await devicesOf([card(0)], [withRecordedDevices(), withRecordedDevices("OPTIX")]);
    await preparedFor({ gpus: "all" });
    expect(devices.useOf(0)?.backend).toBe("CUDA");
    expect(notes).toEqual([expect.stringMatching(/OptiX does not work on NVIDIA GeForce RTX 3090 .*: CUDA is tried/)]);
  });

  it("are the CPU when Blender does not see the GPU, and the offer says so", async () => {
    const { devices, preparedFor, notes } = await devicesOf([AMD], [startPlainProcess]);
    await preparedFor({ gpus: "all" });
    expect(devices.useOf(0)).toBeUndefined();
    expect(devices.power([])).toMatchObject({ builds: [CPU], gpus: [], gpuNote: expect.stringContaining("RX 7900 XTX"), speed: undefined });
    expect(notes).toHaveLength(1);
    expect(devices.wantsMeasure).toBe(true);
    await devices.measureCpu(patience());
    expect(devices.power([]).speed).toBeGreaterThan(1_000);
    expect(devices.wantsMeasure).toBe(false);
  });

  it("are the CPU when no Blender can be started with the GPU", async () => {
    const { devices, preparedFor, notes } = await devicesOf([card(0)], [async () => Promise.reject(new Error("no NVIDIA runtime"))]);
    await preparedFor({ gpus: "all" });
    expect(devices.power([]).builds).toEqual([CPU]);
    expect(notes[0]).toContain("no NVIDIA runtime");
  });

  it("fall back while a slot's Blender does not get its GPU, and return to it with the next Blender that does", async () => {
    const { devices, preparedFor, notes } = await devicesOf([card(0)], [withRecordedDevices()], "speeds.json");
    await preparedFor({ gpus: "all" });
    expect(devices.opened(0, undefined)).toMatchObject({ backend: "OPTIX" });
    expect(devices.opened(0, "Blender does not see it")).toEqual(CPU);
    expect(devices.opened(0, "Blender does not see it")).toEqual(CPU);
    expect(notes).toEqual([expect.stringContaining("slot 1 renders on the CPU")]);
    expect(devices.power([])).toMatchObject({ builds: [CPU], gpuNote: notes[0] });
    expect(devices.opened(0, undefined)).toMatchObject({ backend: "OPTIX" });
    expect(devices.power([])).toMatchObject({ builds: [{ backend: "OPTIX" }], gpuNote: undefined });
  });

  it("are the CPU on a machine without a GPU, and a message says so as long as GPUs are donated", async () => {
    const { devices, preparedFor, notes } = await devicesOf([], [startPlainProcess]);
    await preparedFor({ gpus: "all" });
    expect(notes).toEqual(["no GPU was found on this machine: it renders on the CPU"]);
    expect(devices.power([]).gpuNote).toBe(notes[0]);
    await preparedFor({ gpus: "none" });
    expect(devices.power([]).gpuNote).toBeUndefined();
  });
});
