import { join } from "node:path";
import { z } from "zod";
import { GPU_LIMITS, type Gpu, pciAddress, displayName } from "../core/gpu/gpu.ts";
import { type DrmCard, drmCards, owningGroupsOf } from "./drm-gpus.ts";
import { listNames, parsedJson, type SystemRoots, outputOfCommand, readTextOrNothing } from "./sources.ts";

/** GPU names by device and revision, from libdrm. */
const NAMES_FILE = "/usr/share/libdrm/amdgpu.ids";

/** Reads libdrm's list: "744C,\tC8,\tAMD Radeon RX 7900 XTX"; undefined for an unknown GPU. */
export function nameInAmdgpuIds(text: string, { deviceId, revision }: Pick<DrmCard, "deviceId" | "revision">): string | undefined {
  for (const line of text.split("\n")) {
    const [device = "", rev = "", ...name] = line.split(",").map((cell) => cell.trim());
    if (device.toLowerCase() === deviceId && rev.toLowerCase() === revision && name.length > 0) return displayName(name.join(", "));
  }
  return undefined;
}

/** 110000 of a KFD node is gfx1100, 90010 is gfx90a. Zero is a CPU. */
export function gfxArch(version: number): string | undefined {
  if (!Number.isSafeInteger(version) || version <= 0 || version > 999_999) return undefined;
  return `gfx${Math.floor(version / 10_000)}${(Math.floor(version / 100) % 100).toString(16)}${(version % 100).toString(16)}`;
}

/** Reads one KFD node's `properties`: its render node and its architecture. */
export function parseKfdNode(text: string): { readonly renderMinor: number; readonly arch: string } | undefined {
  const fields = new Map(text.split("\n").map((line) => line.trim().split(/\s+/, 2) as [string, string | undefined]));
  const arch = gfxArch(Number(fields.get("gfx_target_version")));
  const renderMinor = Number(fields.get("drm_render_minor"));
  return arch === undefined || !Number.isSafeInteger(renderMinor) || renderMinor < 128 ? undefined : { renderMinor, arch };
}

const RocmCard = z.record(z.string().max(100), z.unknown());

/** Reads `rocm-smi --showproductname --showbus --json`: names by PCI address. Field names differ between versions. */
export function parseRocmSmi(text: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const start = text.indexOf("{"); // warnings may stand before it
  const cards = z.record(z.string().max(100), RocmCard).safeParse(start < 0 ? undefined : parsedJson(text.slice(start)));
  for (const card of Object.values(cards.data ?? {}).slice(0, GPU_LIMITS.maxGpus)) {
    const fields = new Map(Object.entries(card).map(([key, value]) => [key.toLowerCase(), typeof value === "string" ? value : ""]));
    const pci = pciAddress(fields.get("pci bus") ?? "");
    const name = [fields.get("card series"), fields.get("device name")].map((told) => displayName(told ?? "")).find(isName);
    if (pci !== undefined && name !== undefined) names.set(pci, name);
  }
  return names;
}

function isName(text: string): boolean {
  return text !== "" && text !== "N/A";
}

/** The AMD GPUs that HIP can use: needs their kernel driver and /dev/kfd. */
export async function amdGpus(roots: SystemRoots): Promise<readonly Gpu[]> {
  const cards = await drmCards(roots, ["amdgpu"]);
  if (cards.length === 0) return [];
  const archs = await kfdArchs(roots);
  const names = await namesOf(cards);
  const kfd = join(roots.dev, "kfd");
  const kfdGroups = await owningGroupsOf([kfd]);
  const driver = await readTextOrNothing(join(roots.sys, "module", "amdgpu", "version"));
  return cards
    .filter(({ renderMinor }) => archs.has(renderMinor))
    .map((card, driverIndex) => ({
      vendor: "amd",
      index: driverIndex,
      driverIndex,
      id: card.pci,
      name: names.get(card.pci) ?? `AMD GPU 1002:${card.deviceId}`,
      pci: card.pci,
      driver: driver?.slice(0, GPU_LIMITS.maxDriverChars),
      arch: archs.get(card.renderMinor),
      nodes: [kfd, ...card.nodes],
      groups: [...new Set([...kfdGroups, ...card.groups])],
      ...card.readings,
    }));
}

async function kfdArchs({ sys }: SystemRoots): Promise<ReadonlyMap<number, string>> {
  const folder = join(sys, "class", "kfd", "kfd", "topology", "nodes");
  const nodes = ((await listNames(folder)) ?? []).slice(0, 4 * GPU_LIMITS.maxGpus);
  const found = await Promise.all(
    nodes.map(async (node) => parseKfdNode((await readTextOrNothing(join(folder, node, "properties"))) ?? "")),
  );
  return new Map(found.filter((node) => node !== undefined).map(({ renderMinor, arch }) => [renderMinor, arch]));
}

/** The driver's own name, else libdrm's, else rocm-smi's. */
async function namesOf(cards: readonly DrmCard[]): Promise<ReadonlyMap<string, string>> {
  const list = (await readTextOrNothing(NAMES_FILE)) ?? "";
  const names = new Map(
    cards.flatMap((card): [string, string][] => {
      const name = card.productName ?? nameInAmdgpuIds(list, card);
      return name === undefined ? [] : [[card.pci, name]];
    }),
  );
  if (names.size === cards.length) return names;
  const told = parseRocmSmi((await outputOfCommand("rocm-smi", ["--showproductname", "--showbus", "--json"])) ?? "");
  return new Map([...told, ...names]);
}
