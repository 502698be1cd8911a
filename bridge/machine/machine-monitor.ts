import { cpus } from "node:os";
import type { Gpu } from "../core/gpu/gpu.ts";
import type { MachineMetrics } from "../core/terms/decide.ts";
import { onBattery } from "./battery.ts";
import { listGpus } from "./gpus.ts";
import { type EnergyReading, joulesBetween, processorCelsius, processorEnergy } from "./heat.ts";
import { othersLoad, type ProcessorTimes, processorTimes } from "./processor.ts";
import { runningPrograms } from "./programs.ts";
import { SYSTEM_ROOTS, type SystemRoots } from "./sources.ts";
import { type IdleSensors, IdleDetector } from "./idle-time.ts";

/** The requested metrics; others are not read, to save work. */
export interface MetricsRequest {
  readonly untouched: boolean;
  readonly battery: boolean;
  /** Programs to look for; undefined: none. */
  readonly programs: ((name: string) => boolean) | undefined;
  readonly heat: boolean;
  /** GPUs whose temperature and power are read; undefined: none, and no driver is called. */
  readonly gpus: ((gpu: Gpu) => boolean) | undefined;
}

/** This machine's metrics, and its GPUs' if requested. */
export type HostMetrics = Omit<MachineMetrics, "wall" | "command"> & {
  readonly gpus: readonly Gpu[];
  /** Since the previous reading; undefined if no counter is readable. */
  readonly joules: number | undefined;
  /** The sources of idle time. */
  readonly idleSensors: readonly string[];
};

export interface MachineWatchOptions {
  readonly roots?: SystemRoots;
  readonly platform?: NodeJS.Platform;
  /** CPU time of this bridge and of donated work at normal priority, in milliseconds from an arbitrary start. */
  readonly oursMs?: () => number;
}

/** A driver's tool uses CPU time: it is run at most this often. */
const GPUS_EVERY_MS = 5_000;
/** Smoothing of the load by others: a short peak does not count as use of the machine. */
const LOAD_SECONDS = 5;

/** Reads this machine's metrics repeatedly. */
export class MachineMonitor implements AsyncDisposable {
  readonly #roots: SystemRoots;
  readonly #platform: NodeJS.Platform;
  readonly #oursMs: () => number;
  readonly #touch: IdleDetector;
  #last: { readonly atMs: number; readonly times: ProcessorTimes; readonly oursMs: number } | undefined;
  #load: number | undefined;
  #energy: ReadonlyMap<string, EnergyReading> = new Map();
  #energyAtMs: number;
  #gpus: { readonly atMs: number; readonly seen: readonly Gpu[] } | undefined;

  constructor(nowMs: number, options: MachineWatchOptions = {}) {
    this.#roots = options.roots ?? SYSTEM_ROOTS;
    this.#platform = options.platform ?? process.platform;
    this.#oursMs = options.oursMs ?? ownProcessorMs;
    this.#touch = new IdleDetector(this.#roots, this.#platform, nowMs);
    this.#energyAtMs = nowMs;
  }

  async look(asked: MetricsRequest, nowMs: number): Promise<HostMetrics> {
    const [gpus, touch, battery, programs, heat] = await Promise.all([
      this.#readGpus(asked.gpus, nowMs),
      asked.untouched ? this.#touch.look(nowMs) : NO_IDLE_SENSORS,
      asked.battery ? onBattery(this.#roots, this.#platform) : undefined,
      asked.programs ? runningPrograms(this.#roots, this.#platform, asked.programs) : undefined,
      asked.heat ? this.#heat(nowMs) : NO_HEAT,
    ]);
    const gpuWatts = sum(gpus.map((gpu) => gpu.watts));
    const gpuJoules = gpuWatts === undefined ? undefined : (gpuWatts * heat.sinceMs) / 1_000;
    return {
      idleMs: touch.idleMs,
      idleSensors: touch.from,
      othersLoad: this.#others(nowMs),
      onBattery: battery,
      programs,
      celsius: most([heat.celsius, ...gpus.map((gpu) => gpu.celsius)]),
      watts: sum([heat.watts, gpuWatts]),
      joules: sum([heat.joules, gpuJoules]),
      gpus,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#touch[Symbol.asyncDispose]();
  }

  /** Windows does not count low-priority work separately: there the load of others is unknown. */
  #others(nowMs: number): number | undefined {
    if (this.#platform === "win32") return undefined;
    const now = { atMs: nowMs, times: processorTimes(cpus()), oursMs: this.#oursMs() };
    const before = this.#last;
    this.#last = now;
    const fresh = before && othersLoad(before.times, now.times, now.oursMs - before.oursMs);
    if (fresh === undefined || before === undefined) return this.#load;
    const weight = 1 - Math.exp(-(nowMs - before.atMs) / 1_000 / LOAD_SECONDS);
    this.#load = this.#load === undefined ? fresh : this.#load * (1 - weight) + fresh * weight;
    return this.#load;
  }

  async #readGpus(wanted: MetricsRequest["gpus"], nowMs: number): Promise<readonly Gpu[]> {
    if (wanted === undefined) return [];
    if (this.#gpus === undefined || nowMs - this.#gpus.atMs >= GPUS_EVERY_MS)
      this.#gpus = { atMs: nowMs, seen: await listGpus(this.#roots, this.#platform) };
    return this.#gpus.seen.filter(wanted);
  }

  async #heat(nowMs: number): Promise<Heat> {
    const [celsius, energy] = await Promise.all([processorCelsius(this.#roots), processorEnergy(this.#roots)]);
    const joules = joulesBetween(this.#energy, energy);
    const sinceMs = nowMs - this.#energyAtMs;
    this.#energy = energy;
    this.#energyAtMs = nowMs;
    return { celsius, joules, watts: joules === undefined || sinceMs <= 0 ? undefined : (joules / sinceMs) * 1_000, sinceMs };
  }
}

interface Heat {
  readonly celsius: number | undefined;
  readonly joules: number | undefined;
  readonly watts: number | undefined;
  /** Since the previous reading. */
  readonly sinceMs: number;
}

const NO_HEAT: Heat = { celsius: undefined, joules: undefined, watts: undefined, sinceMs: 0 };
const NO_IDLE_SENSORS: IdleSensors = { idleMs: undefined, from: [] };

function ownProcessorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function most(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}
