import { join } from "node:path";
import { z } from "zod";
import { GPU_LIMITS, type Gpu, pciAddress, displayName } from "../core/gpu/gpu.ts";
import { drmCards } from "./drm-gpus.ts";
import { parsedJson, type SystemRoots, outputOfCommand, readTextOrNothing } from "./sources.ts";

const Discovery = z.object({
  device_list: z
    .array(
      z.object({
        device_name: z.string().max(200),
        pci_bdf_address: z.string().max(40),
        memory_physical_size_byte: z.union([z.string().max(20), z.number()]).optional(),
      }),
    )
    .max(4 * GPU_LIMITS.maxGpus),
});

/** Reads `xpu-smi discovery -j`: names, and memory where this version tells it, by PCI address. */
export function parseXpuSmi(text: string): ReadonlyMap<string, { readonly name: string; readonly memoryBytes: number | undefined }> {
  const found = new Map<string, { name: string; memoryBytes: number | undefined }>();
  const discovery = Discovery.safeParse(parsedJson(text));
  for (const device of discovery.data?.device_list ?? []) {
    const pci = pciAddress(device.pci_bdf_address);
    const memory = Number(device.memory_physical_size_byte);
    if (pci === undefined) continue;
    found.set(pci, { name: displayName(device.device_name), memoryBytes: Number.isSafeInteger(memory) && memory > 0 ? memory : undefined });
  }
  return found;
}

/** Intel's GPUs; only Cycles knows whether oneAPI can use one. */
export async function intelGpus(roots: SystemRoots): Promise<readonly Gpu[]> {
  const cards = await drmCards(roots, ["i915", "xe"]);
  if (cards.length === 0) return [];
  const told = parseXpuSmi((await outputOfCommand("xpu-smi", ["discovery", "-j"])) ?? "");
  const versions = await Promise.all(cards.map(({ driver }) => readTextOrNothing(join(roots.sys, "module", driver, "version"))));
  return cards.map((card, driverIndex) => ({
    vendor: "intel",
    index: driverIndex,
    driverIndex,
    id: card.pci,
    name: told.get(card.pci)?.name ?? card.productName ?? `Intel GPU 8086:${card.deviceId}`,
    pci: card.pci,
    driver: versions[driverIndex]?.slice(0, GPU_LIMITS.maxDriverChars),
    // Intel has no short architecture name: GPUs with the same device id count as the same.
    arch: card.deviceId === "" ? undefined : `8086-${card.deviceId}`,
    nodes: card.nodes,
    groups: card.groups,
    ...card.readings,
    memoryBytes: told.get(card.pci)?.memoryBytes ?? card.readings.memoryBytes,
  }));
}
