import { z } from "zod";
import { JobRequirements, Refusal } from "../../core/admission.ts";
import { ChunkOutput, FilesChunkSpec, RawChunkSpec, ResultFile } from "../../core/plan/chunk.ts";
import { Sha256 } from "../../core/sha256.ts";
import { TERMS_LIMITS } from "../../core/terms/terms-limits.ts";
import { BlockPeer } from "../blocks/messages.ts";
import { DeviceClassMessage, DisplayReason, WireAvailability } from "../offer/messages.ts";

export const LEASE_PROTOCOL = "/p2p-render/lease/1.0.0";

/** Limits on every number that a peer sends. */
export const LEASE_LIMITS = {
  maxMessageBytes: 256 * 1024,
  maxInboundStreamsPerPeer: 8,
  openTimeoutMs: 10_000,
  /** Both sides send heartbeats this often; `silentMs` without any message ends the stream. */
  heartbeatMs: 5_000,
  silentMs: 30_000,
  /** More than a requester has with a donor with the maximum of slots: two chunks per slot, and unsettled results. */
  maxLeasesInFlight: 1_024,
  maxFilesPerResult: 256,
  maxSources: 64,
  maxManifestBytes: 64 * 1024 * 1024,
  maxResultBytes: 64 * 1024 ** 3,
  maxSceneBytes: 2 ** 50,
  maxMemoryBytes: 2 ** 50,
  maxChunkSeconds: 10_000_000,
} as const;

const SceneName = z.string().min(1).max(256);
const LeaseId = z.string().min(1).max(64);

const ChunkOutputMessage = ChunkOutput.safeExtend({
  name: z
    .string()
    .max(255)
    .regex(/^[^/\\\p{C}]*$/u),
  format: z.string().regex(/^[A-Z0-9_]{1,64}$/),
});

const ChunkSpecMessage = z.discriminatedUnion("kind", [
  RawChunkSpec.omit({ half: true }).safeExtend({ scene: SceneName }),
  FilesChunkSpec.safeExtend({ scene: SceneName, output: ChunkOutputMessage.readonly() }),
]);

const PeerAddress = BlockPeer.safeExtend({ id: z.string().min(1).max(128), addrs: z.array(z.string().max(512)).max(16).readonly() });

/** Without it the donor must find out itself. */
const JobRequirementsMessage = JobRequirements.safeExtend({
  sceneBytes: z.int().min(0).max(LEASE_LIMITS.maxSceneBytes).optional(),
  memoryBytes: z.int().min(0).max(LEASE_LIMITS.maxMemoryBytes).optional(),
  chunkSeconds: z.number().min(0).max(LEASE_LIMITS.maxChunkSeconds).optional(),
});

/** A requester's message. */
export const RequesterMessage = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("open"),
    job: z.string().min(1).max(64),
    manifest: Sha256,
    manifestBytes: z.int().min(1).max(LEASE_LIMITS.maxManifestBytes),
    build: DeviceClassMessage.pick({ blenderVersion: true, buildHash: true }),
    needs: JobRequirementsMessage,
    /** The donor's owner may see previews of it. */
    allowPreview: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal("lease"), lease: LeaseId, spec: ChunkSpecMessage }),
  z.strictObject({ type: z.literal("withdraw"), lease: LeaseId }),
  /** The requester no longer needs the result of this lease: the donor may drop it. */
  z.strictObject({ type: z.literal("release"), lease: LeaseId }),
  /** Other donors of the job, as sources of scene blocks. */
  z.strictObject({ type: z.literal("sources"), peers: z.array(PeerAddress).max(LEASE_LIMITS.maxSources).readonly() }),
  z.strictObject({ type: z.literal("heartbeat") }),
]);
export type RequesterMessage = Readonly<z.infer<typeof RequesterMessage>>;
export type OpenMessage = Extract<RequesterMessage, { type: "open" }>;

const ResultFileMessage = ResultFile.unwrap().safeExtend({
  name: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[^/\\\p{C}]+$/u),
  bytes: z.int().min(0).max(LEASE_LIMITS.maxResultBytes),
});

/** A donor's message. */
export const DonorMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("opened"), slots: z.int().min(1).max(TERMS_LIMITS.maxSlots), deviceClass: DeviceClassMessage }),
  /** A refusal is an answer, not an error. */
  z.strictObject({ type: z.literal("refused"), reason: Refusal, message: DisplayReason }),
  /** The donor's availability changed while the job is open. */
  z.strictObject({ type: z.literal("availability"), availability: WireAvailability }),
  /** The last message: the donor ends the job. */
  z.strictObject({ type: z.literal("end"), reason: DisplayReason }),
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
    files: z.array(ResultFileMessage).max(LEASE_LIMITS.maxFilesPerResult).readonly(),
    seconds: z.number().min(0).max(LEASE_LIMITS.maxChunkSeconds),
    peakMemoryBytes: z.int().min(0),
    /** Its device class, if it differs from that in `opened`. */
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
export type DonorMessage = Readonly<z.infer<typeof DonorMessage>>;
