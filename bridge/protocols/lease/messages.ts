import { z } from "zod";
import type { Refusal } from "../../core/admission.ts";
import { SHA256_PATTERN } from "../../kernel/ids.ts";
import { DeviceClassMessage, Message, AvailabilityMessage } from "../offer/messages.ts";

export const LEASE_PROTOCOL = "/p2p-render/lease/1.0.0";

/** Every number a stranger could choose for us. */
export const LEASE_LIMITS = {
  maxMessageBytes: 256 * 1024,
  maxInboundStreamsPerPeer: 8,
  openTimeoutMs: 10_000,
  /** Both sides beat this often; `silentMs` without any message ends the stream. */
  heartbeatMs: 5_000,
  silentMs: 30_000,
  /** More than a requester has with a donor of most slots: two chunks a slot, and results that it is taking in. */
  maxLeasesInFlight: 1_024,
  maxFilesPerResult: 256,
  maxSources: 64,
  maxPixels: 65_536,
  maxManifestBytes: 64 * 1024 * 1024,
  maxResultBytes: 64 * 1024 ** 3,
  maxSceneBytes: 2 ** 50,
  maxMemoryBytes: 2 ** 50,
  maxChunkSeconds: 10_000_000,
} as const;

const Hash = z.string().regex(SHA256_PATTERN);
const SceneName = z.string().min(1).max(256);
const FrameNumber = z.int().min(-1_048_574).max(1_048_574);
const LeaseId = z.string().min(1).max(64);
const Pixels = z.int().min(1).max(LEASE_LIMITS.maxPixels);

const RectMessage = z.strictObject({
  x: z.int().min(0).max(LEASE_LIMITS.maxPixels),
  y: z.int().min(0).max(LEASE_LIMITS.maxPixels),
  width: Pixels,
  height: Pixels,
});

export const ChunkSpecMessage = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("raw"),
    scene: SceneName,
    frame: FrameNumber,
    width: Pixels,
    height: Pixels,
    rect: RectMessage,
    stepFrom: FrameNumber.optional(),
    denoise: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal("files"),
    scene: SceneName,
    frame: FrameNumber,
    output: z.strictObject({
      name: z
        .string()
        .max(255)
        .regex(/^[^/\\\p{C}]*$/u),
      format: z.string().regex(/^[A-Z0-9_]{1,64}$/),
      useExtension: z.boolean(),
    }),
    stepFrom: FrameNumber.optional(),
  }),
]);

export const PeerAddress = z.strictObject({ id: z.string().min(1).max(128), addrs: z.array(z.string().max(512)).max(16) });

/** What the requester knows of its job's hunger; a donor that is not told must find out. */
export const JobRequirementsMessage = z.strictObject({
  sceneBytes: z.int().min(0).max(LEASE_LIMITS.maxSceneBytes).optional(),
  memoryBytes: z.int().min(0).max(LEASE_LIMITS.maxMemoryBytes).optional(),
  chunkSeconds: z.number().min(0).max(LEASE_LIMITS.maxChunkSeconds).optional(),
  environment: Hash.optional(),
});

/** What the requester says. */
export const RequesterMessage = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("open"),
    job: z.string().min(1).max(64),
    manifest: Hash,
    manifestBytes: z.int().min(1).max(LEASE_LIMITS.maxManifestBytes),
    build: DeviceClassMessage.pick({ blenderVersion: true, buildHash: true }),
    needs: JobRequirementsMessage,
    /** The donor's owner may look at small pictures of it. */
    allowPreview: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal("lease"), lease: LeaseId, spec: ChunkSpecMessage }),
  z.strictObject({ type: z.literal("withdraw"), lease: LeaseId }),
  /** The result of this lease is safe with the requester: the donor may drop it. */
  z.strictObject({ type: z.literal("release"), lease: LeaseId }),
  /** Other donors of the job, as sources of scene blocks. */
  z.strictObject({ type: z.literal("sources"), peers: z.array(PeerAddress).max(LEASE_LIMITS.maxSources) }),
  z.strictObject({ type: z.literal("heartbeat") }),
]);
export type RequesterMessage = z.infer<typeof RequesterMessage>;

export const ResultFileMessage = z.strictObject({
  role: z.enum(["raw", "output", "preview"]),
  name: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[^/\\\p{C}]+$/u),
  sha256: Hash,
  bytes: z.int().min(0).max(LEASE_LIMITS.maxResultBytes),
});

export const REFUSALS = [
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
] as const satisfies readonly Refusal[];

/** What the donor says. */
export const DonorMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("opened"), slots: z.int().min(1).max(256), deviceClass: DeviceClassMessage }),
  /** A refusal is an answer, not an error. */
  z.strictObject({ type: z.literal("refused"), reason: z.enum(REFUSALS), message: Message }),
  /** Its owner's terms opened or closed the door while the job is open. */
  z.strictObject({ type: z.literal("availability"), availability: AvailabilityMessage }),
  /** The last message: the donor ends the job. */
  z.strictObject({ type: z.literal("end"), reason: Message }),
  z.strictObject({
    type: z.literal("state"),
    phase: z.enum(["fetching", "loading", "ready"]),
    bytesDone: z.int().min(0),
    bytesTotal: z.int().min(0),
  }),
  z.strictObject({ type: z.literal("started"), lease: LeaseId }),
  z.strictObject({
    type: z.literal("rendered"),
    lease: LeaseId,
    files: z.array(ResultFileMessage).max(LEASE_LIMITS.maxFilesPerResult),
    seconds: z.number().min(0).max(10_000_000),
    peakMemoryBytes: z.int().min(0),
    /** What made it, where that is another than `opened` said. */
    deviceClass: DeviceClassMessage.optional(),
  }),
  z.strictObject({
    type: z.literal("failed"),
    lease: LeaseId,
    code: z
      .string()
      .max(64)
      .regex(/^[A-Z_]+$/),
    message: z.string().max(2000),
  }),
  z.strictObject({ type: z.literal("heartbeat") }),
]);
export type DonorMessage = z.infer<typeof DonorMessage>;
