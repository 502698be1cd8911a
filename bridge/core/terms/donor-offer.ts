import { z } from "zod";
import { GpuSummary } from "../gpu/gpu.ts";
import { DeviceClass } from "../plan/chunk.ts";
import { Sha256 } from "../sha256.ts";
import { availabilityWith } from "./availability.ts";
import { TERMS_LIMITS } from "./terms-limits.ts";

const SlotCount = z.int().min(0).max(TERMS_LIMITS.maxSlots);

/** What a donor says of itself to whoever asks. All of it is its own word. */
export const DonorOffer = z.strictObject({
  name: z.string(),
  availability: availabilityWith({ reason: z.string() }),
  /** Chunks that it would work on now: none while it is not open. */
  slots: SlotCount,
  busySlots: SlotCount,
  cores: z.int().min(1).max(TERMS_LIMITS.maxCores),
  memoryBytes: z.int().min(0),
  /** Load of the machine, 0 (idle) to 1 (all cores busy) and beyond. */
  load: z.number().min(0),
  gpus: z.array(GpuSummary).readonly(),
  /** Why GPUs that its owner gives are not used. */
  gpuNote: z.string().optional(),
  /** Samples x pixels a second of one slot, measured on the benchmark scene. */
  speed: z.number().positive().optional(),
  /** The device classes of its slots, the best first. */
  builds: z.array(DeviceClass).readonly(),
  /** Digests of environments that are here; left out by a donor that runs work in none. */
  environments: z.array(Sha256).readonly().optional(),
});
export type DonorOffer = Readonly<z.infer<typeof DonorOffer>>;
