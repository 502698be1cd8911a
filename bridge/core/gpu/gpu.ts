import { z } from "zod";

/** Limits on values from drivers. */
export const GPU_LIMITS = { maxGpus: 32, maxNameChars: 64, maxIdChars: 64, maxArchChars: 32, maxDriverChars: 32 } as const;

const Bytes = z.int().min(0);

/** A donated GPU as the offer describes it: its name, and its current state as far as it is reported. */
export const GpuSummary = z.strictObject({
  name: z.string().max(GPU_LIMITS.maxNameChars),
  memoryBytes: Bytes.optional(),
  memoryUsedBytes: Bytes.optional(),
  /** 0 to 1. */
  load: z.number().min(0).max(1).optional(),
  celsius: z.number().optional(),
  watts: z.number().min(0).optional(),
});
export type GpuSummary = Readonly<z.infer<typeof GpuSummary>>;

/** What a GPU reports of its state; undefined: not reported. */
type GpuReadings = Readonly<Record<keyof Omit<GpuSummary, "name">, number | undefined>>;

/** A GPU (discrete or integrated) that may render, and its current state. */
export interface Gpu extends GpuReadings {
  readonly vendor: "nvidia" | "amd" | "intel" | "apple";
  /** Its index among all GPUs of this machine, as used in the owner's terms. */
  readonly index: number;
  /** Its index within its driver. */
  readonly driverIndex: number;
  /** A stable id: NVIDIA's UUID; the PCI address of others. */
  readonly id: string;
  readonly name: string;
  /** "0000:01:00.0" */
  readonly pci: string | undefined;
  readonly driver: string | undefined;
  /** The architecture that kernels are compiled for: "sm_90", "gfx1100". */
  readonly arch: string | undefined;
  /** Its device files, for vendors without a container runtime, and the groups (numbers) that may open them. */
  readonly nodes: readonly string[];
  readonly groups: readonly number[];
}

/** The description of a GPU in the offer. */
export function gpuSummary({ name, memoryBytes, memoryUsedBytes, load, celsius, watts }: Gpu): GpuSummary {
  const readings = { memoryBytes, memoryUsedBytes, load: load === undefined ? undefined : Math.min(1, load), celsius, watts };
  return { name, ...Object.fromEntries(Object.entries(readings).filter(([, value]) => value !== undefined)) };
}

/** Normalises a PCI address ("00000000:01:00.0", "0000:01:00") to the kernel's form. */
export function pciAddress(text: string): string | undefined {
  const match = /([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})(?:\.([0-7]))?/i.exec(text);
  if (match === null) return undefined;
  const [, domain = "", bus = "", device = "", part = "0"] = match;
  return `${domain.slice(-4)}:${bus}:${device}.${part}`.toLowerCase();
}

/** A name for display: without control characters, limited in length. */
export function displayName(text: string): string {
  return text.replaceAll(/\p{C}/gu, "").replaceAll(/\s+/g, " ").trim().slice(0, GPU_LIMITS.maxNameChars);
}
