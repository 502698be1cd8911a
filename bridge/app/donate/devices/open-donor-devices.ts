import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Home } from "../../../config/home.ts";
import type { SlotSize } from "../../../core/terms/terms.ts";
import type { Disk } from "../../../kernel/disk.ts";
import { listGpus } from "../../../machine/gpus.ts";
import type { ChosenBlender } from "../../job/blender-slots.ts";
import { DonorDevices } from "./donor-devices.ts";
import type { DonorSandbox } from "../donor-sandbox.ts";
import { BenchmarkCache } from "./benchmark-cache.ts";
import type { Scratch } from "../../job/scratch.ts";

export interface OpenDevicesDeps {
  readonly blender: ChosenBlender | undefined;
  readonly scratch: Scratch;
  readonly startFor: DonorSandbox["startFor"];
  readonly slotSize: () => SlotSize;
  readonly note: (message: string) => void;
}

/** A donor's devices, benchmarked in the same sandbox in which it will work, with an empty scene folder. */
export async function openDonorDevices(
  disk: Disk,
  home: Home,
  { blender, scratch, startFor, slotSize, note }: OpenDevicesDeps,
): Promise<DonorDevices> {
  const speeds = await BenchmarkCache.open(disk, join(home.cache, "speeds.json"));
  const probePlace = async (gpus: Parameters<typeof startFor>[3]) => {
    const folder = await scratch.folder("probe");
    const nothing = { key: "probe", directory: await scratch.folder("nothing"), path: "", remap: {} };
    return { scratch: folder, start: startFor(nothing, folder, slotSize, gpus) };
  };
  return new DonorDevices({ blender, speeds, listGpus, probePlace, cores: availableParallelism(), slotSize, note });
}
