import { chooseGpus, isDonated } from "../../core/gpu/choose-gpus.ts";
import type { Gpu } from "../../core/gpu/gpu.ts";
import { donatedSlots } from "../../core/gpu/gpu-slots.ts";
import { type Availability, OPEN, sameAvailability } from "../../core/terms/availability.ts";
import { decideAvailability, type MachineMetrics, type OwnerCommand, yieldsTo } from "../../core/terms/decide.ts";
import { type StatedTerms, termsOf, type TermTexts, textsOf } from "../../core/terms/parse-terms.ts";
import { nextChange, type WallClock } from "../../core/terms/schedule.ts";
import { type SetTerms, termsInForce } from "../../core/terms/terms-in-force.ts";
import { type MachineSize, type SlotSize, slotSize, type Terms } from "../../core/terms/terms.ts";
import type { OwnerPolicy } from "../../donor/ports.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { MetricsRequest, HostMetrics } from "../../machine/machine-monitor.ts";
import type { OwnerSettings } from "./owner-settings.ts";

export interface PolicyStateDeps {
  readonly settings: Pick<OwnerSettings, "terms" | "command">;
  readonly machine: { look(asked: MetricsRequest, nowMs: number): Promise<HostMetrics> };
  readonly clock: Clock;
  readonly wallClock: WallClock;
}

export interface PolicyStateOptions {
  /** What the donor was started with. */
  readonly flags: StatedTerms;
  readonly size: MachineSize;
  /** Those of this machine, whether they are given or not. */
  readonly gpus: readonly Gpu[];
}

/** Combines the owner's terms and commands and the machine's metrics into one availability. */
export class AvailabilityPolicy implements OwnerPolicy {
  readonly #deps: PolicyStateDeps;
  readonly #options: PolicyStateOptions;
  readonly #startedMs: number;
  #set: SetTerms;
  #stated: StatedTerms;
  #terms: Terms;
  #hostMetrics: HostMetrics | undefined;
  #availability: Availability = OPEN;

  /** Throws USAGE for a GPU that is given and not there, and for settings that say nothing. */
  constructor(deps: PolicyStateDeps, options: PolicyStateOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#startedMs = deps.clock.now();
    this.#set = deps.settings.terms();
    this.#stated = termsInForce(options.flags, this.#startedMs, this.#set);
    this.#terms = termsOf(this.#stated);
    chooseGpus(options.gpus, this.#terms.gpus);
  }

  terms(): Terms {
    return this.#terms;
  }

  /** The terms as texts. */
  get texts(): TermTexts {
    return textsOf(this.#stated);
  }

  /** Chunks at the same time: as many as the owner says, else as have room on the GPUs, else one. */
  slots(): number {
    const { size, gpus } = this.#options;
    return this.#terms.slots ?? Math.max(1, donatedSlots(gpus, this.#terms, size).length);
  }

  get hostMetrics(): HostMetrics | undefined {
    return this.#hostMetrics;
  }

  availability(): Availability {
    return this.#availability;
  }

  slotSize(): SlotSize {
    return slotSize({ ...this.#terms, slots: this.slots() }, this.#options.size);
  }

  secondsLeft(): number | undefined {
    const nowMs = this.#deps.clock.now();
    const closesMs = nextChange(this.#terms.schedule, this.#deps.wallClock, nowMs);
    return closesMs === undefined ? undefined : (closesMs - nowMs + this.#terms.overtimeMs) / 1_000;
  }

  /** Reads new settings of the owner. @returns whether the terms changed. */
  readTerms(): boolean {
    const set = this.#deps.settings.terms();
    if (set === this.#set) return false;
    this.#set = set;
    this.#stated = termsInForce(this.#options.flags, this.#startedMs, set);
    this.#terms = termsOf(this.#stated);
    return true;
  }

  /** Looks at the machine, as far as the terms ask for it, and decides anew. @returns whether the answer is another now. */
  async look(): Promise<boolean> {
    this.#hostMetrics = await this.#deps.machine.look(metricsNeededBy(this.#terms), this.#deps.clock.monotonicMs());
    return this.decide();
  }

  /** Decides with the last metrics. @returns whether the availability changed. */
  decide(): boolean {
    const before = this.#availability;
    this.#availability = decideAvailability(this.#terms, this.#observation(this.#deps.settings.command()), before);
    return !sameAvailability(before, this.#availability);
  }

  #observation(command: OwnerCommand | undefined): MachineMetrics {
    const { idleMs, othersLoad, onBattery, programs, celsius, watts } = this.#hostMetrics ?? NO_METRICS;
    const wall = this.#deps.wallClock(this.#deps.clock.now());
    return { wall, command, idleMs, othersLoad, onBattery, programs, celsius, watts };
  }
}

const NO_METRICS = {
  idleMs: undefined,
  othersLoad: undefined,
  onBattery: undefined,
  programs: undefined,
  celsius: undefined,
  watts: undefined,
} as const;

/** The metrics that these terms need; temperature also for counting energy. */
export function metricsNeededBy(terms: Terms): MetricsRequest {
  return {
    untouched: terms.idleMs !== undefined,
    battery: terms.notOnBattery,
    programs: terms.yieldTo.length === 0 ? undefined : (name) => yieldsTo(terms, name),
    heat: true,
    gpus: terms.gpus === "none" ? undefined : (gpu) => isDonated(gpu, terms.gpus),
  };
}
