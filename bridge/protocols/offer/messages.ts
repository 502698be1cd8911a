import { z } from "zod";
import { SHA256_PATTERN } from "../../kernel/ids.ts";

export const OFFER_PROTOCOL = "/p2p-render/offer/1.0.0";

/** Every number a stranger could choose for us. */
export const OFFER_LIMITS = {
  maxMessageBytes: 16 * 1024,
  replyTimeoutMs: 5_000,
  maxInboundStreamsPerPeer: 4,
  maxBuilds: 16,
  maxGpus: 32,
  maxCores: 4096,
  maxMessageChars: 300,
  maxEnvironments: 64,
  maxBytes: 2 ** 50,
  maxWatts: 100_000,
  /** Samples x pixels a second. */
  maxSpeed: 1e15,
} as const;

const Name = z
  .string()
  .max(64)
  .regex(/^[^\p{C}]*$/u);

/** A reason in words, fit to be shown as it is. */
export const Message = z
  .string()
  .max(OFFER_LIMITS.maxMessageChars)
  .regex(/^[^\p{C}]*$/u);

/** Whether a donor takes and does work now; the type is `Availability` of the core, less its codes. */
export const AvailabilityMessage = z.discriminatedUnion("state", [
  z.strictObject({ state: z.literal("open") }),
  /** Takes nothing new; what runs may end. */
  z.strictObject({ state: z.literal("closed"), reason: Message }),
  /** Takes nothing new; what runs stands still. */
  z.strictObject({ state: z.literal("paused"), reason: Message }),
]);
export type AvailabilityMessage = z.infer<typeof AvailabilityMessage>;

/** What decides whether two machines make the same bits; the fields of `core/plan/chunk.ts`. */
export const DeviceClassMessage = z.strictObject({
  blenderVersion: z
    .string()
    .max(32)
    .regex(/^\d+\.\d+\.\d+$/),
  buildHash: z
    .string()
    .max(64)
    .regex(/^[\w.-]*$/),
  backend: z.enum(["CPU", "CUDA", "OPTIX", "HIP", "ONEAPI", "METAL"]),
  arch: z
    .string()
    .max(32)
    .regex(/^[\w.-]+$/),
  driver: z
    .string()
    .max(32)
    .regex(/^[\w.-]+$/)
    .optional(),
});

const Bytes = z.int().min(0).max(OFFER_LIMITS.maxBytes);

/** A GPU that is given, and how it is at the moment, as far as it tells. */
export const GpuMessage = z.strictObject({
  name: Name,
  memoryBytes: Bytes.optional(),
  memoryUsedBytes: Bytes.optional(),
  load: z.number().min(0).max(1).optional(),
  celsius: z.number().min(-100).max(1_000).optional(),
  watts: z.number().min(0).max(OFFER_LIMITS.maxWatts).optional(),
});
export type GpuMessage = z.infer<typeof GpuMessage>;

export const OfferRequest = z.strictObject({ type: z.literal("ask") });

/** A donor says what it can do; a node that gives nothing says so. */
export const OfferReply = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("offer"),
    agent: z.string().max(64),
    name: Name,
    availability: AvailabilityMessage,
    /** Chunks that it would work on now: none while it is not open. */
    slots: z.int().min(0).max(256),
    busySlots: z.int().min(0).max(256),
    cores: z.int().min(1).max(OFFER_LIMITS.maxCores),
    memoryBytes: z.int().min(0),
    /** Load of the machine, 0 (idle) to 1 (all cores busy) and beyond. */
    load: z.number().min(0).max(1000),
    gpus: z.array(GpuMessage).max(OFFER_LIMITS.maxGpus),
    /** Why GPUs that its owner gives are not used. */
    gpuNote: Message.optional(),
    /** Samples x pixels a second of one slot, measured on the known scene. */
    speed: z.number().positive().max(OFFER_LIMITS.maxSpeed).optional(),
    builds: z.array(DeviceClassMessage).max(OFFER_LIMITS.maxBuilds),
    /** Digests of environments that are here; left out by a donor that runs work in none. */
    environments: z.array(z.string().regex(SHA256_PATTERN)).max(OFFER_LIMITS.maxEnvironments).optional(),
  }),
  z.strictObject({ type: z.literal("none"), agent: z.string().max(64) }),
]);
export type OfferReply = z.infer<typeof OfferReply>;
export type Offer = Extract<OfferReply, { type: "offer" }>;
