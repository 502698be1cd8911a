import { GPU_LIMITS, type Gpu } from "../core/gpu/gpu.ts";
import { amdGpus } from "./amd-gpus.ts";
import { appleGpus } from "./apple-gpus.ts";
import { intelGpus } from "./intel-gpus.ts";
import { nvidiaGpus } from "./nvidia-gpus.ts";
import { SYSTEM_ROOTS, type SystemRoots } from "./sources.ts";

/** Every GPU of this machine that can render, NVIDIA's first, so that the indexes are those of nvidia-smi. */
export async function listGpus(roots: SystemRoots = SYSTEM_ROOTS, platform: NodeJS.Platform = process.platform): Promise<readonly Gpu[]> {
  if (platform === "darwin") return await appleGpus();
  const onLinux = platform === "linux";
  const found = await Promise.all([nvidiaGpus(), onLinux ? amdGpus(roots) : [], onLinux ? intelGpus(roots) : []]);
  return numbered(found.flatMap((gpus) => gpus ?? []));
}

/** A unique index for each; if two drivers use the same index, the first keeps it. */
function numbered(gpus: readonly Gpu[]): readonly Gpu[] {
  const nvidia = gpus.filter(({ vendor }) => vendor === "nvidia");
  const first = Math.max(-1, ...nvidia.map(({ index }) => index)) + 1;
  const others = gpus.filter(({ vendor }) => vendor !== "nvidia").map((gpu, place) => ({ ...gpu, index: first + place }));
  return [...nvidia, ...others].slice(0, GPU_LIMITS.maxGpus);
}
