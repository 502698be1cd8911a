import { z } from "zod";
import { GpuSummary } from "../gpu/gpu.ts";
import { DeviceClass } from "../plan/chunk.ts";
import { Sha256 } from "../sha256.ts";
import { availabilityWith } from "./availability.ts";
import { TERMS_LIMITS } from "./terms-limits.ts";

const SlotCount = z.int().min(0).max(TERMS_LIMITS.maxSlots);

/** What a donor reports of itself to requesters. None of it is verified. */
export const DonorOffer = z.strictObject({
  name: z.string(),
  availability: availabilityWith({ reason: z.string() }),
  /** Chunks that it would accept now: 0 while it is not open. */
  slots: SlotCount,
  busySlots: SlotCount,
  cores: z.int().min(1).max(TERMS_LIMITS.maxCores),
  memoryBytes: z.int().min(0),
  /** Load of the machine, 0 (idle) to 1 (all cores busy) and beyond. */
  load: z.number().min(0),
  gpus: z.array(GpuSummary).readonly(),
  /** Why donated GPUs are not used. */
  gpuNote: z.string().optional(),
  /** Samples x pixels a second of one slot, measured on the benchmark scene. */
  speed: z.number().positive().optional(),
  /** The device classes of its slots, the best first. */
  builds: z.array(DeviceClass).readonly(),
  /** Digests of its environments; undefined for a donor that uses none. */
  environments: z.array(Sha256).readonly().optional(),
});
export type DonorOffer = Readonly<z.infer<typeof DonorOffer>>;
