import { release, totalmem } from "node:os";
import { z } from "zod";
import { GPU_LIMITS, type Gpu, displayName } from "../core/gpu/gpu.ts";
import { parsedJson, outputOfCommand } from "./sources.ts";

const Displays = z.object({
  SPDisplaysDataType: z
    .array(
      z.object({
        _name: z.string().max(200),
        sppci_model: z.string().max(200).optional(),
        spdisplays_mtlgpufamilysupport: z.string().max(100).optional(),
        spdisplays_metal: z.string().max(100).optional(),
        spdisplays_vendor: z.string().max(100).optional(),
      }),
    )
    .max(GPU_LIMITS.maxGpus),
});

/** Reads `system_profiler SPDisplaysDataType -json`: the GPUs that Metal supports. Apple's own share the machine's memory. */
export function parseSystemProfiler(text: string, machine: { readonly memoryBytes: number; readonly system: string }): readonly Gpu[] {
  const displays = Displays.safeParse(parsedJson(text));
  return (displays.data?.SPDisplaysDataType ?? [])
    .filter((gpu) => gpu.spdisplays_mtlgpufamilysupport !== undefined || gpu.spdisplays_metal !== undefined)
    .map((gpu, index) => {
      const name = displayName(gpu.sppci_model ?? gpu._name);
      const isApples = /apple/i.test(gpu.spdisplays_vendor ?? name);
      return {
        vendor: "apple",
        index,
        driverIndex: index,
        id: `metal-${index}`,
        name,
        pci: undefined,
        driver: machine.system.slice(0, GPU_LIMITS.maxDriverChars),
        arch: name.replaceAll(/[^\w.-]+/g, "-").slice(0, GPU_LIMITS.maxArchChars),
        nodes: [],
        groups: [],
        memoryBytes: isApples ? machine.memoryBytes : undefined,
        memoryUsedBytes: undefined,
        load: undefined,
        celsius: undefined,
        watts: undefined,
      };
    });
}

/** This Mac's GPUs. */
export async function appleGpus(): Promise<readonly Gpu[]> {
  const text = (await outputOfCommand("system_profiler", ["SPDisplaysDataType", "-json"])) ?? "";
  return parseSystemProfiler(text, { memoryBytes: totalmem(), system: `macos-${release()}` });
}
