import Docker from "dockerode";

/** What a container engine on this machine says of itself. */
export type DockerProbe =
  | { readonly here: true; readonly version: string; readonly runtimes: readonly string[] }
  | { readonly here: false; readonly because: string };

/** Asks the engine behind the usual socket (or DOCKER_HOST); never throws. */
export async function probeDocker(): Promise<DockerProbe> {
  try {
    const docker = new Docker({ timeout: 3_000 });
    const [version, info] = await Promise.all([docker.version(), docker.info() as Promise<{ Runtimes?: Record<string, unknown> }>]);
    return { here: true, version: version.Version, runtimes: Object.keys(info.Runtimes ?? {}) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const because =
      code === "EACCES"
        ? "no permission on its socket"
        : code === "ENOENT" || code === "ECONNREFUSED"
          ? "no engine is running"
          : (error as Error).message;
    return { here: false, because };
  }
}
