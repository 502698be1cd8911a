import { GPU_LIMITS, type Gpu, pciAddress, displayName } from "../core/gpu/gpu.ts";
import { outputOfCommand } from "./sources.ts";

const FIELDS = [
  "index",
  "uuid",
  "pci.bus_id",
  "name",
  "memory.total",
  "memory.used",
  "utilization.gpu",
  "temperature.gpu",
  "power.draw",
  "driver_version",
  "compute_cap",
] as const;

/** Arguments of `nvidia-smi`; `parseNvidiaSmi` reads its output. */
export const NVIDIA_SMI_ARGUMENTS = [`--query-gpu=${FIELDS.join(",")}`, "--format=csv,noheader,nounits"] as const;

const MIB = 2 ** 20;

/** Reads the CSV: one GPU per line; missing values are "[N/A]" or similar. Lines of another form are skipped. */
export function parseNvidiaSmi(text: string): Gpu[] {
  return text
    .split("\n")
    .slice(0, GPU_LIMITS.maxGpus)
    .flatMap((line) => {
      const cells = line.split(",").map((cell) => cell.trim());
      const isCard = cells.length === FIELDS.length && /^\d+$/.test(cells[0] ?? "") && /^(GPU|MIG)-[\w-]+$/.test(cells[1] ?? "");
      return isCard ? [gpuOf(new Map(FIELDS.map((field, place) => [field, cells[place] ?? ""])))] : [];
    });
}

function gpuOf(cells: ReadonlyMap<(typeof FIELDS)[number], string>): Gpu {
  const text = (field: (typeof FIELDS)[number]) => cells.get(field) ?? "";
  const index = Number(text("index"));
  return {
    vendor: "nvidia",
    index,
    driverIndex: index,
    id: text("uuid").slice(0, GPU_LIMITS.maxIdChars),
    name: displayName(text("name")),
    pci: pciAddress(text("pci.bus_id")),
    driver: /^[\w.-]+$/.exec(text("driver_version"))?.[0].slice(0, GPU_LIMITS.maxDriverChars),
    arch: archOf(text("compute_cap")),
    nodes: [],
    groups: [],
    memoryBytes: times(numberOf(text("memory.total")), MIB),
    memoryUsedBytes: times(numberOf(text("memory.used")), MIB),
    load: times(numberOf(text("utilization.gpu")), 0.01),
    celsius: numberOf(text("temperature.gpu")),
    watts: numberOf(text("power.draw")),
  };
}

/** Compute capability "9.0" is architecture sm_90. */
function archOf(capability: string): string | undefined {
  return /^\d+\.\d+$/.test(capability) ? `sm_${capability.replace(".", "")}` : undefined;
}

function numberOf(cell: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(cell) ? Number(cell) : undefined;
}

function times(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

/** The NVIDIA GPUs of this machine; undefined without a driver. */
export async function nvidiaGpus(): Promise<readonly Gpu[] | undefined> {
  const text = await outputOfCommand("nvidia-smi", NVIDIA_SMI_ARGUMENTS);
  return text === undefined ? undefined : parseNvidiaSmi(text);
}
