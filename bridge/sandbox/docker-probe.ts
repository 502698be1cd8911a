import Docker from "dockerode";

/** What a container engine on this machine says of itself. */
export type DockerProbe =
  | {
      readonly here: true;
      readonly version: string;
      readonly runtimes: readonly string[];
      /** Looks for device specifications (CDI). */
      readonly cdi: boolean;
      /** Limits that this kernel does not hold containers to. */
      readonly unenforced: readonly ("memory" | "swap" | "CPU" | "processes")[];
    }
  | { readonly here: false; readonly kind: "no-permission" | "not-running" | "unknown"; readonly because: string };

/** The part of `docker info` that is read here. */
interface EngineInfo {
  readonly Runtimes?: Record<string, unknown>;
  readonly CDISpecDirs?: readonly string[] | null;
  readonly MemoryLimit?: boolean;
  readonly SwapLimit?: boolean;
  readonly CpuCfsQuota?: boolean;
  readonly PidsLimit?: boolean;
}

/** Asks the engine behind the usual socket (or DOCKER_HOST); never throws. */
export async function probeDocker(): Promise<DockerProbe> {
  try {
    const docker = new Docker({ timeout: 3_000 });
    const [version, info] = await Promise.all([docker.version(), docker.info() as Promise<EngineInfo>]);
    const runtimes = Object.keys(info.Runtimes ?? {});
    const cdi = (info.CDISpecDirs ?? []).length > 0;
    return { here: true, version: version.Version, runtimes, cdi, unenforced: unenforcedLimits(info) };
  } catch (error) {
    return absence(error as NodeJS.ErrnoException);
  }
}

/** Why no engine answers. */
export function absence({ code, message }: Pick<NodeJS.ErrnoException, "code" | "message">): Extract<DockerProbe, { here: false }> {
  if (code === "EACCES" || code === "EPERM") return { here: false, kind: "no-permission", because: "no permission on its socket" };
  if (code === "ENOENT" || code === "ECONNREFUSED") return { here: false, kind: "not-running", because: "no engine is running" };
  return { here: false, kind: "unknown", because: message };
}

/** Limits that `docker info` says the kernel does not enforce: a container would run without them. */
export function unenforcedLimits(info: EngineInfo): ("memory" | "swap" | "CPU" | "processes")[] {
  return [
    ...(info.MemoryLimit === false ? (["memory"] as const) : []),
    ...(info.SwapLimit === false ? (["swap"] as const) : []),
    ...(info.CpuCfsQuota === false ? (["CPU"] as const) : []),
    ...(info.PidsLimit === false ? (["processes"] as const) : []),
  ];
}
