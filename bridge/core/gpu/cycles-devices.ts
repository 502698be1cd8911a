import type { Backend, BlenderBuildId, DeviceClass } from "../plan/chunk.ts";
import { type Gpu, pciAddress } from "./gpu.ts";

export type GpuBackend = Exclude<Backend, "CPU">;

/** A device as Cycles lists it. */
export interface CyclesDevice {
  readonly backend: GpuBackend;
  /** "CUDA_NVIDIA GeForce RTX 3090_0000:01:00_OptiX": the id of the device in Blender's preferences. */
  readonly id: string;
  readonly name: string;
}

/** A way to render on some GPUs: one backend, and exactly these devices. */
export interface GpuSelection {
  readonly backend: GpuBackend;
  readonly deviceIds: readonly string[];
}

/** What each vendor's GPUs are rendered with, the fastest first. */
export const BACKENDS: Readonly<Record<Gpu["vendor"], readonly GpuBackend[]>> = {
  nvidia: ["OPTIX", "CUDA"],
  amd: ["HIP"],
  intel: ["ONEAPI"],
  apple: ["METAL"],
};

/**
 * The backends with which Cycles can render on all of these GPUs, the best first: the next is tried when one does not
 * work. None when one of the GPUs is missing.
 */
export function gpuUsesOf(gpus: readonly Gpu[], devices: readonly CyclesDevice[]): readonly GpuSelection[] {
  const vendor = gpus[0]?.vendor;
  if (vendor === undefined || gpus.some((gpu) => gpu.vendor !== vendor)) return [];
  return BACKENDS[vendor].flatMap((backend) => {
    const found = gpus.map((gpu) => deviceOf(gpu, gpus, ofBackend(devices, backend)));
    const deviceIds = found.flatMap((device) => device?.id ?? []);
    return new Set(deviceIds).size === gpus.length ? [{ backend, deviceIds }] : [];
  });
}

function ofBackend(devices: readonly CyclesDevice[], backend: GpuBackend): readonly CyclesDevice[] {
  return devices.filter((device) => device.backend === backend);
}

/** Matches by the PCI address if Cycles reports one; else by the position among devices of the same name. */
function deviceOf(gpu: Gpu, gpus: readonly Gpu[], devices: readonly CyclesDevice[]): CyclesDevice | undefined {
  const placed = devices.filter(({ id }) => pciAddress(id) !== undefined);
  if (placed.length > 0 && gpu.pci !== undefined) return placed.find(({ id }) => sameCard(pciAddress(id), gpu.pci));
  const twins = gpus.filter(({ name }) => name === gpu.name);
  const named = devices.filter(({ name }) => sameName(name, gpu.name));
  return named[twins.indexOf(gpu)] ?? (devices.length === 1 && gpus.length === 1 ? devices[0] : undefined);
}

/** Cycles omits the PCI function. */
function sameCard(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a.split(".")[0] === b.split(".")[0];
}

function sameName(a: string, b: string): boolean {
  const plain = (name: string) => name.toLowerCase().replaceAll(/\(r\)|\(tm\)|[^a-z0-9]+/g, "");
  return plain(a).includes(plain(b)) || plain(b).includes(plain(a));
}

/** Why these GPUs are not used, as a message for the owner and in the offer. */
export function unusableGpusMessage(gpus: readonly Gpu[], devices: readonly CyclesDevice[]): string {
  const wanted = gpus.map(({ name }) => name).join(", ");
  const vendor = gpus[0]?.vendor ?? "nvidia";
  const backends = BACKENDS[vendor].map((backend) => BACKEND_NAMES[backend]).join(" or ");
  const here = devices.map(({ backend, name }) => `${name} (${BACKEND_NAMES[backend]})`).join(", ");
  return `Blender does not see ${wanted} through ${backends}${here === "" ? "" : `, only ${here}`}: it renders on the CPU`;
}

/** As vendors write them. */
export const BACKEND_NAMES: Readonly<Record<Backend, string>> = {
  CPU: "CPU",
  CUDA: "CUDA",
  OPTIX: "OptiX",
  HIP: "HIP",
  ONEAPI: "oneAPI",
  METAL: "Metal",
};

/** The device class of this backend and these GPUs; a slot with different GPU models has a class of its own. */
export function gpuClass(build: BlenderBuildId, gpus: readonly Gpu[], backend: GpuBackend): DeviceClass {
  const archs = [...new Set(gpus.map((gpu) => classWord(gpu.arch ?? gpu.name)))].toSorted();
  const drivers = [...new Set(gpus.flatMap(({ driver }) => (driver === undefined ? [] : [classWord(driver)])))].toSorted();
  return {
    blenderVersion: build.blenderVersion,
    buildHash: build.buildHash,
    backend,
    arch: archs.join("_").slice(0, 32),
    ...(drivers.length === 0 ? {} : { driver: drivers.join("_").slice(0, 32) }),
  };
}

function classWord(text: string): string {
  return text.replaceAll(/[^\w.-]+/g, "-");
}
