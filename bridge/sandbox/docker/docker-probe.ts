import Docker from "dockerode";
import { type EngineFacts, type EngineLimit, type RuntimeAge, runtimeAge, unenforcedLimits } from "./engine-requirements.ts";
import { listEnvironmentImages } from "../images/environment-images.ts";

/** What a container engine on this machine reports. */
export type DockerProbe =
  | {
      readonly here: true;
      readonly version: string;
      readonly runtimes: readonly string[];
      /** Supports device specifications (CDI). */
      readonly cdi: boolean;
      /** Limits that this kernel does not enforce. */
      readonly unenforced: readonly EngineLimit[];
      readonly runtime: RuntimeAge;
      /** Blender versions of the environments that it has, newest environment first. */
      readonly environments: readonly string[];
    }
  | { readonly here: false; readonly kind: "no-permission" | "not-running" | "unknown"; readonly reason: string };

/** Queries the engine at the default socket (or DOCKER_HOST); never throws. */
export async function probeDocker(): Promise<DockerProbe> {
  try {
    const docker = new Docker({ timeout: 3_000 });
    const [version, info, images] = await Promise.all([
      docker.version(),
      docker.info() as Promise<EngineFacts>,
      listEnvironmentImages(docker),
    ]);
    return {
      here: true,
      version: version.Version,
      runtimes: Object.keys(info.Runtimes ?? {}),
      cdi: (info.CDISpecDirs ?? []).length > 0,
      unenforced: unenforcedLimits(info),
      runtime: runtimeAge(version.Components ?? []),
      environments: [...new Set(images.map(({ facts }) => facts.blenderVersion))],
    };
  } catch (error) {
    return dockerAbsence(error as NodeJS.ErrnoException);
  }
}

/** Why no engine answers. */
export function dockerAbsence({ code, message }: Pick<NodeJS.ErrnoException, "code" | "message">): Extract<DockerProbe, { here: false }> {
  if (code === "EACCES" || code === "EPERM") return { here: false, kind: "no-permission", reason: "no permission on its socket" };
  if (code === "ENOENT" || code === "ECONNREFUSED") return { here: false, kind: "not-running", reason: "no engine is running" };
  return { here: false, kind: "unknown", reason: message };
}
