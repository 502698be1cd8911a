import { isFarmError, messageOf } from "../kernel/errors.ts";
import type { SandboxEnvironment, SceneOnDisk } from "./ports.ts";
import type { BlockPeer } from "../protocols/blocks/messages.ts";
import type { OpenedJob, ServeJobDeps } from "./serve-job-deps.ts";

interface JobTalk {
  /** Peers that may currently have blocks; the requester first. */
  readonly sources: () => readonly BlockPeer[];
  readonly fetching: (bytesDone: number, bytesTotal: number) => void;
  /** Ends the job with a reason. */
  readonly dismiss: (reason: string) => Promise<void>;
}

/** Fetches what a job needs before its first chunk: first the environment that it names, then the scene. */
export async function fetchJobInputs(deps: ServeJobDeps, ticket: OpenedJob, talk: JobTalk, signal: AbortSignal): Promise<SceneOnDisk> {
  const { job, manifest, manifestBytes } = ticket;
  const environment = await bringEnvironment(deps, ticket, talk, signal);
  const scene = await deps.store.fetchScene({ manifest, manifestBytes, sources: talk.sources }, signal, talk.fetching);
  deps.observe({ event: "scene-fetched", job, bytes: manifestBytes });
  return environment === undefined ? scene : { ...scene, environment };
}

async function bringEnvironment(
  { environments, clock, observe }: ServeJobDeps,
  { job, environment: digest, build, requester }: OpenedJob,
  { sources, fetching, dismiss }: JobTalk,
  signal: AbortSignal,
): Promise<SandboxEnvironment | undefined> {
  if (digest === undefined || environments === undefined) return undefined;
  const startMs = clock.monotonicMs();
  try {
    const environment = await environments.bring({ digest, build, sources }, signal, fetching);
    observe({ event: "environment-ready", job, digest, seconds: (clock.monotonicMs() - startMs) / 1000 });
    return environment;
  } catch (error) {
    const reason = messageOf(error);
    const isAsked = isFarmError(error, "ENVIRONMENT_REFUSED") && error.facts["verdict"] === "ask";
    if (isAsked) observe({ event: "job-refused", job, requester: requester.id, reason, asks: digest });
    await dismiss(reason);
    throw error;
  }
}
