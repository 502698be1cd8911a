/** A graphics card (or the graphics part of a processor) that may render, and how it is at the moment. */
export interface Gpu {
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
  readonly memoryBytes: number | undefined;
  readonly memoryUsedBytes: number | undefined;
  /** 0 to 1. */
  readonly load: number | undefined;
  readonly celsius: number | undefined;
  readonly watts: number | undefined;
}

/** Bounds on what drivers tell. */
export const GPU_LIMITS = { maxGpus: 32, maxNameChars: 64, maxIdChars: 64, maxArchChars: 32, maxDriverChars: 32 } as const;

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
