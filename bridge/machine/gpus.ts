import { said } from "./sources.ts";

/** What an NVIDIA driver tells of one of its cards. */
export interface NvidiaGpu {
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly memoryBytes: number | undefined;
  readonly memoryUsedBytes: number | undefined;
  /** 0 to 1. */
  readonly load: number | undefined;
  readonly celsius: number | undefined;
  readonly watts: number | undefined;
  readonly driver: string;
  /** "9.0": decides which kernels run on it. */
  readonly computeCapability: string | undefined;
}

const FIELDS = [
  "index",
  "uuid",
  "name",
  "memory.total",
  "memory.used",
  "utilization.gpu",
  "temperature.gpu",
  "power.draw",
  "driver_version",
  "compute_cap",
] as const;

/** How `nvidia-smi` is asked; `parseNvidiaSmi` reads what it says. */
export const NVIDIA_SMI_ARGUMENTS = [`--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits"] as const;

const MAX_GPUS = 64;
const MIB = 2 ** 20;

/** Reads the CSV: one card a line; what a card does not tell is "[N/A]" or the like. A line of another shape is no card. */
export function parseNvidiaSmi(text: string): NvidiaGpu[] {
  return text
    .split("\n")
    .slice(0, MAX_GPUS)
    .flatMap((line) => {
      const cells = line.split(",").map((cell) => cell.trim());
      const isCard = cells.length === FIELDS.length && /^\d+$/.test(cells[0] ?? "") && /^(GPU|MIG)-[\w-]+$/.test(cells[1] ?? "");
      return isCard ? [gpuOf(new Map(FIELDS.map((field, place) => [field, cells[place] ?? ""])))] : [];
    });
}

function gpuOf(cells: ReadonlyMap<(typeof FIELDS)[number], string>): NvidiaGpu {
  const text = (field: (typeof FIELDS)[number]) => cells.get(field) ?? "";
  const capability = text("compute_cap");
  return {
    index: Number(text("index")),
    uuid: text("uuid"),
    name: text("name").replaceAll(/\p{C}/gu, "").slice(0, 64),
    memoryBytes: times(numberOf(text("memory.total")), MIB),
    memoryUsedBytes: times(numberOf(text("memory.used")), MIB),
    load: times(numberOf(text("utilization.gpu")), 0.01),
    celsius: numberOf(text("temperature.gpu")),
    watts: numberOf(text("power.draw")),
    driver: text("driver_version"),
    computeCapability: /^\d+\.\d+$/.test(capability) ? capability : undefined,
  };
}

function numberOf(cell: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(cell) ? Number(cell) : undefined;
}

function times(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

/** The NVIDIA cards of this machine; undefined where there is no driver that tells. */
export async function nvidiaGpus(): Promise<readonly NvidiaGpu[] | undefined> {
  const text = await said("nvidia-smi", NVIDIA_SMI_ARGUMENTS);
  return text === undefined ? undefined : parseNvidiaSmi(text);
}
