import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Home } from "../../../config/home.ts";
import type { Disk } from "../../../kernel/disk.ts";
import type { Gpu } from "../../../core/gpu/gpu.ts";
import type { SlotSize, Terms } from "../../../core/terms/terms.ts";
import type { ChosenBlender } from "../../job/blender-slots.ts";
import { DonorDevices } from "./donor-devices.ts";
import type { DonorSandbox } from "../donor-sandbox.ts";
import { BenchmarkCache } from "./benchmark-cache.ts";
import type { Scratch } from "../../job/scratch.ts";

export interface OpenDevicesDeps {
  readonly blender: ChosenBlender | undefined;
  readonly gpus: readonly Gpu[];
  readonly scratch: Scratch;
  readonly startFor: DonorSandbox["startFor"];
  readonly note: (message: string) => void;
}

/** A donor's devices, benchmarked in the same sandbox in which it will work, with an empty scene folder. */
export async function openDonorDevices(
  disk: Disk,
  home: Home,
  { blender, gpus: here, scratch, startFor, note }: OpenDevicesDeps,
  { terms, size: first }: { readonly terms: Terms; readonly size: SlotSize },
): Promise<DonorDevices> {
  const speeds = await BenchmarkCache.open(disk, join(home.cache, "speeds.json"));
  const probePlace = async (gpus: readonly Gpu[], size: SlotSize) => {
    const folder = await scratch.folder("probe");
    const nothing = { key: "probe", directory: await scratch.folder("nothing"), path: "", remap: {} };
    return { scratch: folder, start: startFor(nothing, folder, () => size, gpus) };
  };
  return new DonorDevices({ blender, speeds, gpus: here, probePlace, cores: availableParallelism(), note }, terms, first);
}
