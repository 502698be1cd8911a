import { stat } from "node:fs/promises";
import { join } from "node:path";
import { GPU_LIMITS, type Gpu, pciAddress, displayName } from "../core/gpu/gpu.ts";
import { listNames, type SystemRoots, readTextOrNothing } from "./sources.ts";

/** A GPU that a kernel driver lists under /sys/class/drm. */
export interface DrmCard {
  readonly driver: string;
  readonly pci: string;
  /** "744c", and the revision "c8". */
  readonly deviceId: string;
  readonly revision: string;
  /** 128 of /dev/dri/renderD128. */
  readonly renderMinor: number;
  readonly nodes: readonly string[];
  readonly groups: readonly number[];
  readonly productName: string | undefined;
  readonly readings: Pick<Gpu, "memoryBytes" | "memoryUsedBytes" | "load" | "celsius" | "watts">;
}

/** Reads a device's `uevent`: "KEY=value" lines. */
export function parseUevent(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\n").flatMap((line): [string, string][] => {
      const at = line.indexOf("=");
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()]];
    }),
  );
}

/** The GPUs of these kernel drivers, in the order of their render nodes. */
export async function drmCards(roots: SystemRoots, drivers: readonly string[]): Promise<DrmCard[]> {
  const names = (await listNames(join(roots.sys, "class", "drm"))) ?? [];
  const minors = names
    .flatMap((name) => /^renderD(\d{1,5})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b)
    .slice(0, GPU_LIMITS.maxGpus);
  const cards = await Promise.all(minors.map((minor) => cardAt(roots, minor, names)));
  return cards.filter((card) => card !== undefined).filter(({ driver }) => drivers.includes(driver));
}

async function cardAt(roots: SystemRoots, renderMinor: number, names: readonly string[]): Promise<DrmCard | undefined> {
  const device = join(roots.sys, "class", "drm", `renderD${renderMinor}`, "device");
  const uevent = parseUevent((await readTextOrNothing(join(device, "uevent"))) ?? "");
  const pci = pciAddress(uevent.get("PCI_SLOT_NAME") ?? "");
  const driver = uevent.get("DRIVER");
  if (pci === undefined || driver === undefined) return undefined;
  const own = [`renderD${renderMinor}`, ...(await siblings(roots, pci, names))];
  const nodes = own.map((name) => join(roots.dev, "dri", name));
  return {
    driver,
    pci,
    deviceId: /:([0-9a-f]{4})$/i.exec(uevent.get("PCI_ID") ?? "")?.[1]?.toLowerCase() ?? "",
    revision: ((await readTextOrNothing(join(device, "revision"))) ?? "").replace(/^0x/, "").toLowerCase(),
    renderMinor,
    nodes,
    groups: await owningGroupsOf(nodes),
    productName: nameOrNothing(await readTextOrNothing(join(device, "product_name"))),
    readings: await readingsOf(device),
  };
}

/** The card node beside the render node: some libraries open both. */
async function siblings(roots: SystemRoots, pci: string, names: readonly string[]): Promise<string[]> {
  const cards = names.filter((name) => /^card\d{1,5}$/.test(name));
  const places = await Promise.all(
    cards.map(async (name) => parseUevent((await readTextOrNothing(join(roots.sys, "class", "drm", name, "device", "uevent"))) ?? "")),
  );
  return cards.filter((_, place) => pciAddress(places[place]?.get("PCI_SLOT_NAME") ?? "") === pci);
}

/** The groups that may open these files. */
export async function owningGroupsOf(paths: readonly string[]): Promise<readonly number[]> {
  const found = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return [...new Set(found.flatMap((each) => (each === undefined || each.gid === 0 ? [] : [each.gid])))];
}

async function readingsOf(device: string): Promise<DrmCard["readings"]> {
  const [chip] = (await listNames(join(device, "hwmon"))) ?? [];
  const number = async (...path: string[]) => numberIn(await readTextOrNothing(join(device, ...path)));
  const sensor = async (...files: string[]) => {
    for (const file of chip === undefined ? [] : files) {
      const value = await number("hwmon", chip as string, file);
      if (value !== undefined) return value;
    }
    return undefined;
  };
  return {
    memoryBytes: await number("mem_info_vram_total"),
    memoryUsedBytes: await number("mem_info_vram_used"),
    load: scaled(await number("gpu_busy_percent"), 0.01),
    celsius: scaled(await sensor("temp1_input", "temp2_input"), 1e-3),
    watts: scaled(await sensor("power1_average", "power1_input"), 1e-6),
  };
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,20}$/.test(text) ? Number(text) : undefined;
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

function nameOrNothing(text: string | undefined): string | undefined {
  const name = displayName(text ?? "");
  return name === "" ? undefined : name;
}
