import type { Gpu } from "./gpu.ts";

/** What a container engine reports of its GPU support. */
export interface EngineGpuSupport {
  /** `Runtimes.nvidia` is there, or the NVIDIA toolkit's hook. */
  readonly nvidiaRuntime: boolean;
  /** Device specifications are looked for in some folder (`CDISpecDirs`). */
  readonly cdi: boolean;
}

/** The parts of a container's HostConfig that give it GPUs, as the engine's API writes them. */
export interface GpuHostConfig {
  readonly DeviceRequests: {
    readonly Driver: string;
    readonly DeviceIDs: string[];
    readonly Capabilities?: string[][];
  }[];
  readonly Devices: { readonly PathOnHost: string; readonly PathInContainer: string; readonly CgroupPermissions: string }[];
  /** Numbers, because the image may not have the names. */
  readonly GroupAdd: string[];
}

/** What OptiX, CUDA and the driver's own tools need mounted; `graphics` is what brings OptiX's libraries. */
const NVIDIA_CAPABILITIES = ["gpu", "compute", "utility", "graphics"];

/** The container settings for exactly these GPUs; a message when the engine cannot provide them. */
export function containerGpus(gpus: readonly Gpu[], engine: EngineGpuSupport): GpuHostConfig | { readonly impossible: string } {
  if (gpus.some(({ vendor }) => vendor === "apple")) return { impossible: "Apple's GPUs cannot be used in a container" };
  const nvidia = gpus.filter(({ vendor }) => vendor === "nvidia");
  if (nvidia.length > 0 && !engine.nvidiaRuntime && !engine.cdi)
    return { impossible: "the container engine has no NVIDIA runtime (install nvidia-container-toolkit)" };
  const others = gpus.filter(({ vendor }) => vendor !== "nvidia");
  const blind = others.find(({ nodes }) => nodes.length === 0);
  if (blind) return { impossible: `${blind.name} has no device file to pass to a container` };
  return {
    DeviceRequests: nvidia.length === 0 ? [] : [nvidiaRequest(nvidia, engine)],
    Devices: unique(others.flatMap(({ nodes }) => nodes)).map((path) => ({
      PathOnHost: path,
      PathInContainer: path,
      CgroupPermissions: "rw",
    })),
    GroupAdd: unique(others.flatMap(({ groups }) => groups)).map(String),
  };
}

/** The NVIDIA runtime accepts UUIDs; CDI reliably names a device only by its index. No `Count`: engines refuse both together. */
function nvidiaRequest(gpus: readonly Gpu[], { nvidiaRuntime }: EngineGpuSupport): GpuHostConfig["DeviceRequests"][number] {
  if (!nvidiaRuntime) return { Driver: "cdi", DeviceIDs: gpus.map(({ driverIndex }) => `nvidia.com/gpu=${driverIndex}`) };
  return { Driver: "nvidia", DeviceIDs: gpus.map(({ id }) => id), Capabilities: [NVIDIA_CAPABILITIES] };
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
