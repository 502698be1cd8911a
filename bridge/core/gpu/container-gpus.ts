import type { Gpu } from "./gpu.ts";

/** What a container engine says it can do with GPUs. */
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
  /** Numbers: the image may not know the names. */
  readonly GroupAdd: string[];
}

/** What OptiX, CUDA and the driver's own tools need mounted; `graphics` is what brings OptiX's libraries. */
const NVIDIA_CAPABILITIES = ["gpu", "compute", "utility", "graphics"];

/** Exactly these GPUs for a container; a message where no container can have them. */
export function containerGpus(gpus: readonly Gpu[], engine: EngineGpuSupport): GpuHostConfig | { readonly impossible: string } {
  if (gpus.some(({ vendor }) => vendor === "apple")) return { impossible: "Apple's GPUs are not reached from inside a container" };
  const nvidia = gpus.filter(({ vendor }) => vendor === "nvidia");
  if (nvidia.length > 0 && !engine.nvidiaRuntime && !engine.cdi)
    return { impossible: "the container engine has no NVIDIA runtime (install nvidia-container-toolkit)" };
  const others = gpus.filter(({ vendor }) => vendor !== "nvidia");
  const blind = others.find(({ nodes }) => nodes.length === 0);
  if (blind) return { impossible: `${blind.name} has no device file that a container could be given` };
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

/** The runtime knows UUIDs; what CDI calls a device for sure is its index. No `Count`: an engine refuses both at once. */
function nvidiaRequest(gpus: readonly Gpu[], { nvidiaRuntime }: EngineGpuSupport): GpuHostConfig["DeviceRequests"][number] {
  if (!nvidiaRuntime) return { Driver: "cdi", DeviceIDs: gpus.map(({ driverIndex }) => `nvidia.com/gpu=${driverIndex}`) };
  return { Driver: "nvidia", DeviceIDs: gpus.map(({ id }) => id), Capabilities: [NVIDIA_CAPABILITIES] };
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
