import { cpus } from "node:os";
import type { Observation } from "../core/terms/decide.ts";
import { onBattery } from "./battery.ts";
import { type NvidiaGpu, nvidiaGpus } from "./gpus.ts";
import { type EnergyReading, joulesBetween, processorCelsius, processorEnergy } from "./heat.ts";
import { othersLoad, type ProcessorTimes, processorTimes } from "./processor.ts";
import { runningPrograms } from "./programs.ts";
import { REAL_ROOTS, type Roots } from "./sources.ts";
import { type TouchSigns, TouchWatch } from "./untouched.ts";

/** What is asked for; what is not is not looked at, for looking costs. */
export interface Asked {
  readonly untouched: boolean;
  readonly battery: boolean;
  /** Programs that matter; undefined: none do. */
  readonly programs: ((name: string) => boolean) | undefined;
  readonly heat: boolean;
  /** Ask the NVIDIA driver, too. */
  readonly gpus: boolean;
}

/** What this machine shows of itself, and of its NVIDIA cards where they were asked for. */
export type Sight = Omit<Observation, "wall" | "wish"> & {
  readonly gpus: readonly NvidiaGpu[];
  /** Since the look before; undefined where no counter may be read. */
  readonly joules: number | undefined;
  /** What tells whether somebody is there. */
  readonly touchSigns: readonly string[];
};

export interface MachineWatchOptions {
  readonly roots?: Roots;
  readonly platform?: NodeJS.Platform;
  /** Processor time of this bridge and of foreign work that is not at low priority, in milliseconds since some start. */
  readonly oursMs?: () => number;
}

/** How fast the load by others follows the newest look: a moment's work of others is not somebody at work. */
const LOAD_SECONDS = 5;

/** Looks at this machine again and again. */
export class MachineWatch implements AsyncDisposable {
  readonly #roots: Roots;
  readonly #platform: NodeJS.Platform;
  readonly #oursMs: () => number;
  readonly #touch: TouchWatch;
  #last: { readonly atMs: number; readonly times: ProcessorTimes; readonly oursMs: number } | undefined;
  #load: number | undefined;
  #energy: ReadonlyMap<string, EnergyReading> = new Map();
  #energyAtMs: number;

  constructor(nowMs: number, options: MachineWatchOptions = {}) {
    this.#roots = options.roots ?? REAL_ROOTS;
    this.#platform = options.platform ?? process.platform;
    this.#oursMs = options.oursMs ?? ownProcessorMs;
    this.#touch = new TouchWatch(this.#roots, this.#platform, nowMs);
    this.#energyAtMs = nowMs;
  }

  async look(asked: Asked, nowMs: number): Promise<Sight> {
    const [gpus, touch, battery, programs, heat] = await Promise.all([
      asked.gpus ? nvidiaGpus() : [],
      asked.untouched ? this.#touch.look(nowMs) : UNASKED,
      asked.battery ? onBattery(this.#roots, this.#platform) : undefined,
      asked.programs ? runningPrograms(this.#roots, this.#platform, asked.programs) : undefined,
      asked.heat ? this.#heat(nowMs) : COLD,
    ]);
    const cards = gpus ?? [];
    return {
      untouchedMs: touch.untouchedMs,
      touchSigns: touch.from,
      othersLoad: this.#others(nowMs),
      onBattery: battery,
      programs,
      celsius: most([heat.celsius, ...cards.map((gpu) => gpu.celsius)]),
      watts: sum([heat.watts, ...cards.map((gpu) => gpu.watts)]),
      joules: heat.joules,
      gpus: cards,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#touch[Symbol.asyncDispose]();
  }

  /** Windows does not count work at low priority apart: there it cannot be told whose load it is. */
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

  async #heat(nowMs: number): Promise<Heat> {
    const [celsius, energy] = await Promise.all([processorCelsius(this.#roots), processorEnergy(this.#roots)]);
    const joules = joulesBetween(this.#energy, energy);
    const seconds = (nowMs - this.#energyAtMs) / 1_000;
    this.#energy = energy;
    this.#energyAtMs = nowMs;
    return { celsius, joules, watts: joules === undefined || seconds <= 0 ? undefined : joules / seconds };
  }
}

interface Heat {
  readonly celsius: number | undefined;
  readonly joules: number | undefined;
  readonly watts: number | undefined;
}

const COLD: Heat = { celsius: undefined, joules: undefined, watts: undefined };
const UNASKED: TouchSigns = { untouchedMs: undefined, from: [] };

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
