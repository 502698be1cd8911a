import { z } from "zod";
import { preliminaryEnvironmentVerdict } from "./environments/may-run.ts";
import type { BlenderBuildId, DeviceClass } from "./plan/chunk.ts";
import { Sha256 } from "./sha256.ts";
import type { Availability } from "./terms/availability.ts";
import { requesterTierOf, isAdmitted, type Terms } from "./terms/terms.ts";

export const Refusal = z.enum([
  "busy",
  "paused",
  "closed",
  "no-matching-blender",
  "no-environment",
  "environment-asked",
  "not-welcome",
  "no-space",
  "no-memory",
  "no-time",
  "evicted",
]);
export type Refusal = z.infer<typeof Refusal>;

/** Temporary refusals: the requester asks again. */
const PASSING: ReadonlySet<string> = new Set<Refusal>(["busy", "paused", "closed", "no-time", "environment-asked"]);

export function isTemporary(refusal: string): boolean {
  return PASSING.has(refusal);
}

/** What the requester knows of its job's memory and disk use; a hint, which may be missing or wrong. */
export const JobRequirements = z.strictObject({
  /** The scene with all its files. */
  sceneBytes: z.int().min(0).optional(),
  /** Of one Blender with the scene open. */
  memoryBytes: z.int().min(0).optional(),
  /** Of one chunk, on a machine like those that have already rendered some. */
  chunkSeconds: z.number().min(0).optional(),
  /** Digest of the environment it must run in. */
  environment: Sha256.optional(),
});
export type JobRequirements = Readonly<z.infer<typeof JobRequirements>>;

export interface AdmissionRequest {
  readonly peer: string;
  readonly job: string;
  readonly build: BlenderBuildId;
  readonly needs: JobRequirements;
}

export interface LocalEnvironments {
  /** Digests of the installed ones. */
  readonly here: ReadonlySet<string>;
  /** Digests that turned out unusable, with the reason. */
  readonly refused: ReadonlyMap<string, string>;
  /** The CPU of this machine, independent of the Blender build. */
  readonly arch: string;
}

/** What a donor checks a job's requirements against. */
export interface AdmissionTerms {
  readonly builds: readonly DeviceClass[];
  /** Undefined when work runs without environments. */
  readonly environments?: LocalEnvironments | undefined;
  readonly who: Pick<Terms, "who" | "own" | "friends" | "allow" | "deny" | "environments">;
  readonly availability: Availability;
  readonly jobs: number;
  readonly maxJobs: number;
  /** Jobs that the owner has evicted. */
  readonly evicted: ReadonlySet<string>;
  /** For one Blender. */
  readonly memoryBytes: number;
  /** Of a GPU, for one Blender; undefined: it renders on the CPU, or the GPU does not report it. */
  readonly gpuMemoryBytes?: number | undefined;
  readonly diskBytes: number;
  /** Until the schedule closes, overtime included; undefined: it never does. */
  readonly secondsLeft: number | undefined;
}

/** A refusal, with a readable reason. */
export interface RefusalReply {
  readonly refused: Refusal;
  readonly message: string;
}

/** Whether this donor accepts a job, and with which device class it would work. Every job runs on one Blender build. */
export function admit(request: AdmissionRequest, terms: AdmissionTerms): { readonly deviceClass: DeviceClass } | RefusalReply {
  const refusal = notAllowed(request, terms) ?? retryLater(request, terms) ?? resourceRefusal(request.needs, terms);
  if (refusal) return refusal;
  const deviceClass =
    request.needs.environment === undefined
      ? terms.builds.find((build) => sameBuild(build, request.build))
      : deviceClassInEnvironment(request, terms);
  if (deviceClass) return { deviceClass };
  const here = terms.builds.map(({ blenderVersion, buildHash }) => `${blenderVersion} (${buildHash})`).join(", ") || "none";
  const wanted = `${request.build.blenderVersion} (${request.build.buildHash})`;
  return { refused: "no-matching-blender", message: `it has Blender ${here}, and the job needs ${wanted}` };
}

function notAllowed({ peer, job, needs }: AdmissionRequest, { who, evicted, environments }: AdmissionTerms): RefusalReply | undefined {
  if (!isAdmitted(peer, who)) return { refused: "not-welcome", message: "its owner does not allow your jobs" };
  if (evicted.has(job)) return { refused: "evicted", message: "its owner has evicted this job" };
  return needs.environment === undefined ? undefined : environmentRefusal(needs.environment, { who, environments });
}

function environmentRefusal(digest: string, { who, environments }: Pick<AdmissionTerms, "who" | "environments">): RefusalReply | undefined {
  if (environments === undefined) return { refused: "no-environment", message: "it does not use environments" };
  const refused = environments.refused.get(digest);
  if (refused !== undefined) return { refused: "no-environment", message: refused };
  const verdict = preliminaryEnvironmentVerdict({ digest, isHere: environments.here.has(digest) }, who);
  if (verdict.verdict === "accept") return undefined;
  return { refused: verdict.verdict === "ask" ? "environment-asked" : "no-environment", message: verdict.reason };
}

/** The device class of a job that names an environment, on this machine's CPU. */
function deviceClassInEnvironment({ build }: AdmissionRequest, { environments }: AdmissionTerms): DeviceClass | undefined {
  if (environments === undefined) return undefined;
  return { blenderVersion: build.blenderVersion, buildHash: build.buildHash, backend: "CPU", arch: environments.arch };
}

/** The owner's own jobs do not count towards the limit, and are served before others. */
function retryLater({ peer }: AdmissionRequest, { availability, jobs, maxJobs, who }: AdmissionTerms): RefusalReply | undefined {
  if (availability.state !== "open") return { refused: availability.state, message: availability.reason };
  return jobs < maxJobs || requesterTierOf(peer, who) === "own"
    ? undefined
    : { refused: "busy", message: `it already works on ${jobs} jobs` };
}

/** A scene lies on a donor's disk as blocks, which others fetch, and as files, which Blender reads. */
const SCENE_COPIES = 2;

/** Refuses a job that does not fit this machine. */
function resourceRefusal(needs: JobRequirements, terms: AdmissionTerms): RefusalReply | undefined {
  const { sceneBytes = 0, memoryBytes = 0, chunkSeconds = 0 } = needs;
  const room = sceneBytes * SCENE_COPIES;
  if (room > terms.diskBytes)
    return { refused: "no-space", message: `the scene needs ${size(room)} of disk, and its owner donates ${size(terms.diskBytes)}` };
  if (memoryBytes > terms.memoryBytes)
    return {
      refused: "no-memory",
      message: `the scene needs ${size(memoryBytes)} of memory, and one slot has ${size(terms.memoryBytes)}`,
    };
  if (terms.gpuMemoryBytes !== undefined && memoryBytes > terms.gpuMemoryBytes)
    return {
      refused: "no-memory",
      message: `the scene needs about ${size(memoryBytes)} of memory, and one slot has ${size(terms.gpuMemoryBytes)} of its GPU`,
    };
  if (terms.secondsLeft !== undefined && chunkSeconds > terms.secondsLeft)
    return {
      refused: "no-time",
      message: `a chunk takes about ${minutes(chunkSeconds)}, and its schedule closes in ${minutes(terms.secondsLeft)}`,
    };
  return undefined;
}

function size(bytes: number): string {
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

function minutes(seconds: number): string {
  return seconds < 120 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} minutes`;
}

/** The rule that keeps a job on one build: same version, same build hash. */
export function sameBuild(a: BlenderBuildId, b: BlenderBuildId): boolean {
  return a.blenderVersion === b.blenderVersion && a.buildHash === b.buildHash;
}

/** True when two machines render the same bits. GPUs never do, not even one GPU twice: they add floats in any order. */
export function sameDeviceClass(a: DeviceClass, b: DeviceClass): boolean {
  return sameBuild(a, b) && a.backend === "CPU" && b.backend === "CPU" && a.arch === b.arch;
}
