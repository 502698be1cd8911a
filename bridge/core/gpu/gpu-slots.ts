import { coresGiven, type MachineSize, type Terms } from "../terms/terms.ts";
import { isDonated } from "./choose-gpus.ts";
import type { Gpu } from "./gpu.ts";

/** The least memory of a slot on a shared GPU, and the most slots on one: more would only wait for each other. */
const SHARED = { bytesPerSlot: 16 * 2 ** 30, mostPerGpu: 4 } as const;

/** One render slot's GPUs, and its share of their memory. */
export interface GpuSlot {
  readonly gpus: readonly Gpu[];
  /** Slots that render on the same GPUs, itself included. */
  readonly sharedBy: number;
  /** Of the smallest of them; undefined when it is not reported. */
  readonly memoryBytes: number | undefined;
}

/** The slots that an owner's terms make of the GPUs that are here. */
export function donatedSlots(
  here: readonly Gpu[],
  terms: Pick<Terms, "gpus" | "slots" | "cores">,
  machine: Pick<MachineSize, "cores">,
): readonly GpuSlot[] {
  const given = here.filter((gpu) => isDonated(gpu, terms.gpus));
  return gpuSlots(given, { slots: terms.slots, cores: coresGiven(terms, machine) });
}

/**
 * Which slots render on which GPUs. By default one slot per GPU, more on one with much memory, as
 * far as there is a CPU core for each. With fewer slots than GPUs each slot has several. A slot's GPUs are of one
 * vendor, since Cycles renders with one backend at a time; GPUs without a slot stay unused.
 */
export function gpuSlots(
  gpus: readonly Gpu[],
  options: { readonly slots: number | undefined; readonly cores: number },
): readonly GpuSlot[] {
  if (gpus.length === 0) return [];
  const slots = options.slots ?? Math.max(gpus.length, Math.min(options.cores, sum(gpus.map(fittingSlots))));
  const groups = slots < gpus.length ? gathered(gpus, slots) : spread(gpus, slots, options.slots === undefined);
  return groups.map((own) => {
    const sharedBy = groups.filter((other) => other.some((gpu) => own.includes(gpu))).length;
    const memory = own.map(({ memoryBytes }) => memoryBytes);
    const known = memory.filter((bytes) => bytes !== undefined);
    return { gpus: own, sharedBy, memoryBytes: known.length < memory.length ? undefined : Math.floor(Math.min(...known) / sharedBy) };
  });
}

function fittingSlots({ memoryBytes = 0 }: Gpu): number {
  return Math.min(SHARED.mostPerGpu, Math.max(1, Math.floor(memoryBytes / SHARED.bytesPerSlot)));
}

/** Assigns slots to the GPUs in rounds; those with little memory are skipped in later rounds unless the owner set the number. */
function spread(gpus: readonly Gpu[], slots: number, byMemory: boolean): (readonly Gpu[])[] {
  const places: (readonly Gpu[])[] = [];
  for (let round = 0; places.length < slots; round++) {
    const able = byMemory ? gpus.filter((gpu) => round < fittingSlots(gpu)) : gpus;
    places.push(...able.slice(0, slots - places.length).map((gpu) => [gpu]));
  }
  return places;
}

/** Several GPUs a slot, one vendor each, the vendor with the most first. */
function gathered(gpus: readonly Gpu[], slots: number): (readonly Gpu[])[] {
  const vendors = [...Map.groupBy(gpus, ({ vendor }) => vendor).values()].toSorted((a, b) => b.length - a.length);
  const groups = vendors.slice(0, slots).map((own) => ({ own, slots: 1 }));
  for (let left = slots - groups.length; left > 0; left--) {
    const fullest = groups.toSorted((a, b) => b.own.length / b.slots - a.own.length / a.slots)[0];
    if (fullest) fullest.slots++;
  }
  return groups.flatMap(({ own, slots: count }) =>
    Array.from({ length: count }, (_, slot) => own.filter((_, place) => place % count === slot)),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
