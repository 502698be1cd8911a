import { z } from "zod";
import { ErrorBody, JobSummary, JobReport, WireEvent } from "./job-messages.ts";
import { RawImage } from "../../core/job/job-events.ts";
import { FrameNumber } from "../../core/job/scene-facts.ts";
import { Sha256 } from "../../core/sha256.ts";
import { DonorOffer } from "../../core/terms/donor-offer.ts";
import { JobIdText, JobSubmission, ClientPath, ShortText } from "./job-submission.ts";
import { GATEWAY_LIMITS } from "./limits.ts";

const Words = z.string();
const Count = z.int().min(0);
const OneJob = z.strictObject({ job: JobIdText });
const Nothing = z.strictObject({});

/** The first frame of a client. */
const Hello = z.strictObject({
  type: z.literal("hello"),
  protocol: z.int(),
  token: ShortText,
  client: z.strictObject({ name: ShortText, version: ShortText }),
});

/** The part of a hello that is the same in every version. */
export const AnyHello = z.looseObject({ type: z.literal("hello"), protocol: z.int() });

const Request = z.strictObject({
  type: z.literal("request"),
  /** The client's own number; its reply carries it. */
  id: z.int().min(0),
  method: z.string().max(64),
  params: z.unknown(),
});

/** Every message of a client. */
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

/** A peer's offer, for display. */
export const PeerSummary = z.strictObject({
  peer: Words,
  name,
  /** It accepts work now; otherwise `reason` says why not. */
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
  /** Null while this bridge has no network, and renders alone. */
  peerId: Words.nullable(),
  peers: z.array(PeerSummary),
  thisComputer: ThisComputer,
});
export type SwarmStatus = z.infer<typeof SwarmStatus>;

export const SceneFinding = z.strictObject({
  /** `error`: the render would not start. `warning`: it affects the picture, or no donor can help. `info`: other information. */
  level: z.enum(["error", "warning", "info"]),
  /** A code of bridge/ERRORS.md (upper case), or of the scene's inspection (lower case). */
  code: Words,
  message: Words,
  advice: Words.nullable(),
});

export const SceneCheck = z.strictObject({
  findings: z.array(SceneFinding),
  /** What would be rendered; null if the scene could not be inspected. */
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

/** A plain file name that is valid on every system. */
const BlendName = z
  .string()
  // oxlint-disable-next-line no-control-regex -- control characters are refused
  .regex(/^[^<>:"/\\|?*\u0000-\u001f]+\.blend$/)
  .refine((name) => Buffer.byteLength(name) <= MAX_NAME_BYTES);

/** Every method, with its parameters and result. */
export const METHODS = {
  /** With `watch`, `swarm` frames follow on every change, until a call with `watch: false`. */
  "swarm.status": { params: z.strictObject({ watch: z.boolean().default(false) }), result: SwarmStatus },
  /** Stores the job and returns its id; errors of its scene are sent as events. */
  "jobs.submit": { params: JobSubmission, result: OneJob },
  /** Newest first. */
  "jobs.list": { params: Nothing, result: z.strictObject({ jobs: z.array(JobSummary) }) },
  /** Events from number `from` on follow as `event` frames; the numbers count within the `session` of the welcome. */
  "jobs.watch": { params: z.strictObject({ job: JobIdText, from: Count.default(0) }), result: JobReport },
  "jobs.unwatch": { params: OneJob, result: Nothing },
  /** Replies at once; its `job-summary` event says when its donors have stopped. */
  "jobs.cancel": { params: OneJob, result: JobSummary },
  "jobs.pause": { params: OneJob, result: JobSummary },
  /** Ends a pause. */
  "jobs.resume": { params: OneJob, result: JobSummary },
  /** Resumes a job that ended incomplete, cancelled or failed. */
  "jobs.retry": { params: OneJob, result: JobSummary },
  /** The raw frames of a frame; empty until they are complete. */
  "jobs.raw": {
    params: z.strictObject({ job: JobIdText, frame: FrameNumber }),
    result: z.strictObject({ pictures: z.array(RawImage).readonly() }),
  },
  /** Releases the raw frames of one frame, or without `frame` everything that the ended job keeps, and its entry in the job list. */
  "jobs.release": { params: z.strictObject({ job: JobIdText, frame: FrameNumber.nullish() }), result: Nothing },
  /** Inspects the scene in a Blender of the bridge: seconds for a small one. */
  "scene.check": {
    params: z.strictObject({ scenePath: ClientPath, scene: ShortText.nullish(), blender: ClientPath.nullish() }),
    result: SceneCheck,
  },
  /** For a client that shares no disk with the bridge: the file follows in binary frames, each with four bytes of `upload`, then a part of it. */
  "files.put": {
    params: z.strictObject({ name: BlendName, bytes: z.int().min(1).max(GATEWAY_LIMITS.maxUploadBytes), sha256: Sha256 }),
    result: z.strictObject({ upload: Count }),
  },
  /** Ends an upload; the path is for `jobs.submit` or `scene.check` of the same connection. */
  "files.done": { params: z.strictObject({ upload: Count }), result: z.strictObject({ scenePath: Words }) },
  /** A file that the job has announced: its `bytes` follow in binary frames, each with four bytes of `download`, then a part of it. */
  "files.get": {
    params: z.strictObject({ job: JobIdText, path: ClientPath }),
    result: z.strictObject({ download: Count, bytes: z.int().min(0) }),
  },
  "bridge.doctor": { params: Nothing, result: z.strictObject({ findings: z.array(DoctorFinding) }) },
  /** Stops the bridge; its jobs wait for the next one. */
  "bridge.stop": { params: Nothing, result: Nothing },
} as const;
export type Method = keyof typeof METHODS;

/** Every message of the bridge. */
export const BridgeFrame = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("welcome"),
    protocol: z.int(),
    version: Words,
    pid: z.int(),
    home: Words,
    /** Changes at each start of the bridge, at which event numbers start over. */
    session: Words,
  }),
  /** The answer to a refused hello; then the connection is closed. `protocol` is the bridge's version. */
  z.strictObject({ type: z.literal("refused"), protocol: z.int(), error: ErrorBody }),
  z.strictObject({ type: z.literal("reply"), id: z.int().min(0), result: z.unknown() }),
  z.strictObject({ type: z.literal("failure"), id: z.int().min(0), error: ErrorBody }),
  /** `at`: milliseconds since 1970. */
  z.strictObject({ type: z.literal("event"), job: JobIdText, seq: Count, at: z.number(), event: WireEvent }),
  z.strictObject({ type: z.literal("swarm"), status: SwarmStatus }),
]);
export type BridgeFrame = z.infer<typeof BridgeFrame>;
