import { z } from "zod";
import { ErrorBody, JobSummary, JobReport, WireEvent } from "./job-messages.ts";
import { RawImage } from "../../core/job/job-events.ts";
import { FrameNumber } from "../../core/job/scene-facts.ts";
import { Sha256 } from "../../core/sha256.ts";
import { DonorOffer } from "../../core/terms/donor-offer.ts";
import { JobName, JobSubmission, Path, Text } from "./job-submission.ts";
import { GATEWAY_LIMITS } from "./limits.ts";

const Words = z.string();
const Count = z.int().min(0);
const OneJob = z.strictObject({ job: JobName });
const Nothing = z.strictObject({});

/** The first frame of a client. */
const Hello = z.strictObject({
  type: z.literal("hello"),
  protocol: z.int(),
  token: Text,
  client: z.strictObject({ name: Text, version: Text }),
});

/** What a hello of any version is known by. */
export const AnyHello = z.looseObject({ type: z.literal("hello"), protocol: z.int() });

const Request = z.strictObject({
  type: z.literal("request"),
  /** The client's own number; its reply carries it. */
  id: z.int().min(0),
  method: z.string().max(64),
  params: z.unknown(),
});

/** All that a client says. */
export const ClientFrame = z.discriminatedUnion("type", [Hello, Request]);
export type ClientFrame = z.infer<typeof ClientFrame>;

/** A Blender that a peer renders with. */
export const OfferedBuild = z.strictObject({ version: Words, buildHash: Words, backend: Words });

/** A Blender of the bridge's own computer. */
export const LocalBuild = z.strictObject({ version: Words, buildHash: Words, path: Words });

export const ThisComputer = z.strictObject({
  name: Words,
  cores: Count,
  memoryBytes: z.number().min(0),
  /** Newest first. */
  blenders: z.array(LocalBuild),
});

const { name, cores, memoryBytes, load, slots, busySlots } = DonorOffer.shape;

/** What a peer offers, for people to read. */
export const PeerSummary = z.strictObject({
  peer: Words,
  name,
  /** It takes work now; `reason` says why not. */
  open: z.boolean(),
  reason: Words.nullable(),
  cores,
  memoryBytes,
  load,
  gpus: z.array(Words),
  slots,
  busySlots,
  builds: z.array(OfferedBuild),
  pingMs: z.number().min(0).nullable(),
});

export const SwarmStatus = z.strictObject({
  swarm: Words,
  /** Null while this bridge has no network, and works alone. */
  peerId: Words.nullable(),
  peers: z.array(PeerSummary),
  thisComputer: ThisComputer,
});
export type SwarmStatus = z.infer<typeof SwarmStatus>;

export const SceneFinding = z.strictObject({
  /** `error`: the render would not begin. `warning`: it shows in the picture, or nobody can help. `info`: good to know. */
  level: z.enum(["error", "warning", "info"]),
  /** A code of bridge/ERRORS.md (upper case), or of the scene's inspection (lower case). */
  code: Words,
  message: Words,
  advice: Words.nullable(),
});

export const SceneCheck = z.strictObject({
  findings: z.array(SceneFinding),
  /** What would be rendered; null where the scene could not be looked at. */
  facts: z
    .strictObject({
      scene: Words,
      engine: Words,
      width: Count,
      height: Count,
      samples: z.number(),
      frameStart: FrameNumber,
      frameEnd: FrameNumber,
      frameStep: Count,
      /** Frames can be cut into tiles. */
      tiles: z.boolean(),
      /** `deliver: "raw"` is possible. */
      raw: z.boolean(),
      blender: Words,
      files: Count,
    })
    .nullable(),
});
export type SceneCheck = z.infer<typeof SceneCheck>;

export const DoctorFinding = z.strictObject({ what: Words, ok: z.boolean(), needed: z.boolean(), detail: Words, fix: Words.nullable() });

const MAX_NAME_BYTES = 255;

/** A plain name that every system can keep. */
const BlendName = z
  .string()
  // oxlint-disable-next-line no-control-regex -- they are what must not come in
  .regex(/^[^<>:"/\\|?*\u0000-\u001f]+\.blend$/)
  .refine((name) => Buffer.byteLength(name) <= MAX_NAME_BYTES);

/** Every method: what is asked, and what is answered. */
export const METHODS = {
  /** With `watch`, `swarm` frames follow whenever something changed, until it is asked with `watch: false`. */
  "swarm.status": { params: z.strictObject({ watch: z.boolean().default(false) }), result: SwarmStatus },
  /** The job is written down and has its name; what is wrong with its scene is told by its events. */
  "jobs.submit": { params: JobSubmission, result: OneJob },
  /** Newest first. */
  "jobs.list": { params: Nothing, result: z.strictObject({ jobs: z.array(JobSummary) }) },
  /** Events from number `from` on follow as `event` frames; the numbers count within the `session` of the welcome. */
  "jobs.watch": { params: z.strictObject({ job: JobName, from: Count.default(0) }), result: JobReport },
  "jobs.unwatch": { params: OneJob, result: Nothing },
  /** Answered at once; its `job-summary` event says when the swarm has really stopped. */
  "jobs.cancel": { params: OneJob, result: JobSummary },
  "jobs.pause": { params: OneJob, result: JobSummary },
  /** Ends a pause. */
  "jobs.resume": { params: OneJob, result: JobSummary },
  /** Takes a job that ended incomplete, cancelled or failed up again, where it stopped. */
  "jobs.retry": { params: OneJob, result: JobSummary },
  /** The raw pictures of a frame; empty while they are not whole. */
  "jobs.raw": {
    params: z.strictObject({ job: JobName, frame: FrameNumber }),
    result: z.strictObject({ pictures: z.array(RawImage).readonly() }),
  },
  /** The client has what it wants: the raw pictures of one frame may go, or without `frame` all that the ended job keeps, and its line. */
  "jobs.release": { params: z.strictObject({ job: JobName, frame: FrameNumber.nullish() }), result: Nothing },
  /** Opens the scene in a Blender of the bridge: seconds for a small one. */
  "scene.check": {
    params: z.strictObject({ scenePath: Path, scene: Text.nullish(), blender: Path.nullish() }),
    result: SceneCheck,
  },
  /** For a client that shares no disk with the bridge: the file follows in binary frames, each four bytes with `upload`, then a part of it. */
  "files.put": {
    params: z.strictObject({ name: BlendName, bytes: z.int().min(1).max(GATEWAY_LIMITS.maxUploadBytes), sha256: Sha256 }),
    result: z.strictObject({ upload: Count }),
  },
  /** All of it was sent; the path is for `jobs.submit` or `scene.check` of the same connection. */
  "files.done": { params: z.strictObject({ upload: Count }), result: z.strictObject({ scenePath: Words }) },
  /** A file that the job has told of: its `bytes` follow in binary frames, each four bytes with `download`, then a part of it. */
  "files.get": {
    params: z.strictObject({ job: JobName, path: Path }),
    result: z.strictObject({ download: Count, bytes: z.int().min(0) }),
  },
  "bridge.doctor": { params: Nothing, result: z.strictObject({ findings: z.array(DoctorFinding) }) },
  /** Ends the bridge; its jobs wait for the next one. */
  "bridge.stop": { params: Nothing, result: Nothing },
} as const;
export type Method = keyof typeof METHODS;

/** All that the bridge says. */
export const BridgeFrame = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("welcome"),
    protocol: z.int(),
    version: Words,
    pid: z.int(),
    home: Words,
    /** Another one after each start of the bridge: numbers of events begin anew with it. */
    session: Words,
  }),
  /** The answer to a hello that is not taken; then the connection is closed. `protocol` is what the bridge speaks. */
  z.strictObject({ type: z.literal("refused"), protocol: z.int(), error: ErrorBody }),
  z.strictObject({ type: z.literal("reply"), id: z.int().min(0), result: z.unknown() }),
  z.strictObject({ type: z.literal("failure"), id: z.int().min(0), error: ErrorBody }),
  /** `at`: milliseconds since 1970. */
  z.strictObject({ type: z.literal("event"), job: JobName, seq: Count, at: z.number(), event: WireEvent }),
  z.strictObject({ type: z.literal("swarm"), status: SwarmStatus }),
]);
export type BridgeFrame = z.infer<typeof BridgeFrame>;
