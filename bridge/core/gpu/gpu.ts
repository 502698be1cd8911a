import { z } from "zod";

/** Bounds on what drivers tell. */
export const GPU_LIMITS = { maxGpus: 32, maxNameChars: 64, maxIdChars: 64, maxArchChars: 32, maxDriverChars: 32 } as const;

const Bytes = z.int().min(0);

/** A GPU that is given, as everybody is told of it: its name, and how it is at the moment as far as it tells. */
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

/** What a GPU measures of itself; undefined: it does not tell. */
type GpuReadings = Readonly<Record<keyof Omit<GpuSummary, "name">, number | undefined>>;

/** A graphics card (or the graphics part of a processor) that may render, and how it is at the moment. */
export interface Gpu extends GpuReadings {
  readonly vendor: "nvidia" | "amd" | "intel" | "apple";
  /** Its place among all GPUs of this machine: what owners write. */
  readonly index: number;
  /** Its place among those of its driver. */
  readonly driverIndex: number;
  /** What its driver calls it for ever: NVIDIA's UUID; the PCI address of others. */
  readonly id: string;
  readonly name: string;
  /** "0000:01:00.0" */
  readonly pci: string | undefined;
  readonly driver: string | undefined;
  /** What kernels are built for: "sm_90", "gfx1100". */
  readonly arch: string | undefined;
  /** Device files that reach it where no driver's own runtime does; and the groups (numbers) that may open them. */
  readonly nodes: readonly string[];
  readonly groups: readonly number[];
}

/** What is told of a GPU. */
export function gpuSummary({ name, memoryBytes, memoryUsedBytes, load, celsius, watts }: Gpu): GpuSummary {
  const readings = { memoryBytes, memoryUsedBytes, load: load === undefined ? undefined : Math.min(1, load), celsius, watts };
  return { name, ...Object.fromEntries(Object.entries(readings).filter(([, value]) => value !== undefined)) };
}

/** The PCI address in any of its spellings ("00000000:01:00.0", "0000:01:00"): as the kernel writes it. */
export function pciAddress(text: string): string | undefined {
  const match = /([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})(?:\.([0-7]))?/i.exec(text);
  if (match === null) return undefined;
  const [, domain = "", bus = "", device = "", part = "0"] = match;
  return `${domain.slice(-4)}:${bus}:${device}.${part}`.toLowerCase();
}

/** A name fit to be shown: no control characters, not endless. */
export function shownName(text: string): string {
  return text.replaceAll(/\p{C}/gu, "").replaceAll(/\s+/g, " ").trim().slice(0, GPU_LIMITS.maxNameChars);
}
