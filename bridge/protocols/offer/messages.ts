import { z } from "zod";
import { GpuSummary } from "../../core/gpu/gpu.ts";
import { DeviceClass } from "../../core/plan/chunk.ts";
import { Sha256 } from "../../core/sha256.ts";
import { type Availability, availabilityWith } from "../../core/terms/availability.ts";
import { DonorOffer } from "../../core/terms/donor-offer.ts";
import { TERMS_LIMITS } from "../../core/terms/terms-limits.ts";

export const OFFER_PROTOCOL = "/p2p-render/offer/1.0.0";

/** Limits on every number that a peer sends. */
export const OFFER_LIMITS = {
  maxMessageBytes: 16 * 1024,
  replyTimeoutMs: 5_000,
  maxInboundStreamsPerPeer: 4,
  maxBuilds: 16,
  maxGpus: 32,
  maxMessageChars: 300,
  maxEnvironments: 64,
  maxBytes: 2 ** 50,
  maxLoad: 1_000,
  /** Samples x pixels a second. */
  maxSpeed: 1e15,
} as const;

const NO_CONTROLS = /^[^\p{C}]*$/u;
const Name = z.string().max(64).regex(NO_CONTROLS);
const Agent = z.string().max(64);

/** A reason as text, safe for display. */
export const DisplayReason = z.string().max(OFFER_LIMITS.maxMessageChars).regex(NO_CONTROLS);

/** A text of any kind as such a reason: what is too long is cut, what cannot be shown is left out. A peer would end the stream over it. */
export function messageText(text: string): string {
  return text.slice(0, OFFER_LIMITS.maxMessageChars).replaceAll(/\p{C}+/gu, " ");
}

/** Whether a donor takes and does work now: peers are told why not in words, without the code that its owner's scripts read. */
export const WireAvailability = availabilityWith({ reason: DisplayReason });
export type WireAvailability = Readonly<z.infer<typeof WireAvailability>>;

export function availabilityMessage(availability: Availability): WireAvailability {
  return availability.state === "open" ? availability : { state: availability.state, reason: messageText(availability.reason) };
}

export const DeviceClassMessage = DeviceClass.safeExtend({
  blenderVersion: z
    .string()
    .max(32)
    .regex(/^\d+\.\d+\.\d+$/),
  buildHash: z
    .string()
    .max(64)
    .regex(/^[\w.-]*$/),
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

const GpuMessage = GpuSummary.safeExtend({
  name: Name,
  memoryBytes: Bytes.optional(),
  memoryUsedBytes: Bytes.optional(),
  celsius: z.number().min(-100).max(1_000).optional(),
  watts: z.number().min(0).max(TERMS_LIMITS.maxWatts).optional(),
});

export const OfferRequest = z.strictObject({ type: z.literal("ask") });

/** A donor's offer, or the answer of a node that is no donor. */
export const OfferReply = z.discriminatedUnion("type", [
  DonorOffer.safeExtend({
    type: z.literal("offer"),
    agent: Agent,
    name: Name,
    availability: WireAvailability,
    load: z.number().min(0).max(OFFER_LIMITS.maxLoad),
    gpus: z.array(GpuMessage).max(OFFER_LIMITS.maxGpus).readonly(),
    gpuNote: DisplayReason.optional(),
    speed: z.number().positive().max(OFFER_LIMITS.maxSpeed).optional(),
    builds: z.array(DeviceClassMessage).max(OFFER_LIMITS.maxBuilds).readonly(),
    environments: z.array(Sha256).max(OFFER_LIMITS.maxEnvironments).readonly().optional(),
  }),
  z.strictObject({ type: z.literal("none"), agent: Agent }),
]);
export type OfferReply = Readonly<z.infer<typeof OfferReply>>;
export type Offer = Extract<OfferReply, { type: "offer" }>;
