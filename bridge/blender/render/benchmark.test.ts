import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gpuUsesOf } from "../../core/gpu/cycles-devices.ts";
import { card } from "../../core/gpu/fixtures/cards.ts";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";
import { withRecordedDevices } from "../fixtures/recorded-devices.ts";
import { patience, TEST_BUILD } from "../fixtures/session-kit.ts";
import { DeviceBenchmarkSession } from "./benchmark.ts";
import { openSession } from "./session.ts";
import type { StartProcess } from "../types.ts";

let scratch: string;
beforeAll(async () => void (scratch = await mkdtemp(join(tmpdir(), "probe-"))));
afterAll(() => rm(scratch, { recursive: true, force: true }));

const probe = (start: StartProcess) => DeviceBenchmarkSession.open({ start }, { blender: TEST_BUILD, scratch, threads: 1 }, patience());

describe("a probe of Blender", () => {
  it("lists the devices that Cycles sees, uses exactly the given GPUs, and names a missing one", async () => {
    await using blender = await probe(withRecordedDevices());
    const devices = await blender.devices(patience());
    expect(devices.map(({ backend }) => backend)).toEqual(["OPTIX", "OPTIX", "CUDA", "CUDA"]);
    const [optix, cuda] = gpuUsesOf([card(1)], devices);
    if (!optix || !cuda) throw new Error("the recorded card is not found");
    expect(optix).toEqual({ backend: "OPTIX", deviceIds: ["CUDA_NVIDIA GeForce RTX 3090_0000:02:00_OptiX"] });
    await blender.use(optix, patience());
    await blender.use(cuda, patience());
    await expect(blender.use({ ...cuda, deviceIds: ["CUDA_gone"] }, patience())).rejects.toMatchObject({ code: "GPU_MISSING" });
  });

  it("measures the benchmark scene on this machine's CPU, and leaves no files", async () => {
    {
      await using blender = await probe(startPlainProcess);
      expect(await blender.measure(patience())).toBeGreaterThan(1_000);
    }
    expect(await readdir(scratch)).toEqual([]);
  });
});

describe("a session that is opened for GPUs", () => {
  const open = async (start: StartProcess, deviceIds: readonly string[]) => {
    const folder = await mkdtemp(join(scratch, "session-"));
    return await openSession(
      { start },
      { blender: TEST_BUILD, scratch: folder, untrusted: false, gpu: { backend: "CUDA", deviceIds } },
      patience(),
    );
  };

  it("renders on them", async () => {
    await using session = await open(withRecordedDevices(), ["CUDA_NVIDIA GeForce RTX 3090_0000:01:00"]);
    expect(session).toMatchObject({ backend: "CUDA", fellBack: undefined });
  });

  it("reports when it falls back to the CPU", async () => {
    await using session = await open(startPlainProcess, ["CUDA_NVIDIA GeForce RTX 3090_0000:01:00"]);
    expect(session.backend).toBe("CPU");
    expect(session.fellBack).toContain("RTX 3090");
  });
});
