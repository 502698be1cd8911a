import { FarmError } from "../../kernel/errors.ts";
import type { Terms } from "../terms/terms.ts";
import { type Gpu, pciAddress } from "./gpu.ts";

/** The GPUs that the owner donates. Throws USAGE for one that does not exist, naming those that do. */
export function chooseGpus(here: readonly Gpu[], wanted: Terms["gpus"]): readonly Gpu[] {
  if (wanted === "none") return [];
  if (wanted === "all") return here;
  const chosen = new Set(wanted.map((word) => gpuCalled(here, word)));
  return here.filter((gpu) => chosen.has(gpu));
}

/** Whether the owner donates this GPU. */
export function isDonated(gpu: Gpu, wanted: Terms["gpus"]): boolean {
  return wanted === "all" || (wanted !== "none" && wanted.some((word) => isCalled(gpu, word)));
}

function gpuCalled(here: readonly Gpu[], word: string): Gpu {
  const matches = here.filter((gpu) => isCalled(gpu, word));
  const [gpu] = matches;
  if (gpu && matches.length === 1) return gpu;
  const there = here.map(({ index, name, id }) => `${index} (${name}, ${id})`).join("; ");
  throw new FarmError("USAGE", `${matches.length > 1 ? "several GPUs match" : "no GPU of this machine matches"} "${word}"`, {
    advice: there === "" ? "No GPU was found on this machine; omit --gpu." : `There are: ${there}.`,
  });
}

/** By index, by UUID (its beginning is enough, as for NVIDIA's own tools) or by PCI address with or without domain. */
function isCalled(gpu: Gpu, word: string): boolean {
  if (/^\d{1,3}$/.test(word)) return gpu.index === Number(word);
  const name = word.toLowerCase();
  if (gpu.id.toLowerCase() === name) return true;
  const uuid = gpu.id.toLowerCase().replace(/^(gpu|mig)-/, "");
  if (gpu.vendor === "nvidia" && /^(gpu-|mig-)?[0-9a-f-]{4,}$/.test(name) && uuid.startsWith(name.replace(/^(gpu|mig)-/, ""))) return true;
  return gpu.pci !== undefined && gpu.pci === pciAddress(/^[0-9a-f]{4,8}:/.test(name) ? name : `0000:${name}`);
}
