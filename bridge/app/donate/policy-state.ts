import { isGiven } from "../../core/gpu/choose-gpus.ts";
import { type Availability, OPEN, sameAvailability } from "../../core/terms/availability.ts";
import { decide, type Observation, type OwnerCommand, yieldsTo } from "../../core/terms/decide.ts";
import { parseTerms, type TermTexts } from "../../core/terms/parse-terms.ts";
import { nextChange, type WallClock } from "../../core/terms/schedule.ts";
import { type MachineSize, type SlotSize, slotSize, type Terms } from "../../core/terms/terms.ts";
import type { OwnerPolicy } from "../../donor/ports.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Asked, HostMetrics } from "../../machine/machine-watch.ts";
import { type OwnerSettings, type SetTerms, termsInForce } from "./owner-settings.ts";

export interface PolicyStateDeps {
  readonly settings: Pick<OwnerSettings, "terms" | "command">;
  readonly machine: { look(asked: Asked, nowMs: number): Promise<HostMetrics> };
  readonly clock: Clock;
  readonly wallClock: WallClock;
}

export interface PolicyStateOptions {
  /** Terms of the command line. */
  readonly flags: TermTexts;
  readonly size: MachineSize;
  /** Defaults of this machine: as many slots as fit on its GPUs. */
  readonly defaults?: (texts: TermTexts) => Partial<Terms>;
}

/** Combines the owner's terms and commands and the machine's metrics into one availability. */
export class PolicyState implements OwnerPolicy {
  readonly #deps: PolicyStateDeps;
  readonly #options: PolicyStateOptions;
  readonly #startedMs: number;
  #set: SetTerms = {};
  #texts: TermTexts = {};
  #terms: Terms;
  #hostMetrics: HostMetrics | undefined;
  #availability: Availability = OPEN;

  /** Throws USAGE for invalid flags. */
  constructor(deps: PolicyStateDeps, options: PolicyStateOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#startedMs = deps.clock.now();
    this.#set = deps.settings.terms();
    this.#texts = termsInForce(options.flags, this.#startedMs, this.#set);
    this.#terms = this.#parsed();
  }

  terms(): Terms {
    return this.#terms;
  }

  /** The terms as texts. */
  get texts(): TermTexts {
    return this.#texts;
  }

  get hostMetrics(): HostMetrics | undefined {
    return this.#hostMetrics;
  }

  availability(): Availability {
    return this.#availability;
  }

  slotSize(): SlotSize {
    return slotSize(this.#terms, this.#options.size);
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
    this.#texts = termsInForce(this.#options.flags, this.#startedMs, set);
    this.#terms = this.#parsed();
    return true;
  }

  #parsed(): Terms {
    return parseTerms(this.#texts, this.#options.defaults?.(this.#texts));
  }

  /** Reads the metrics that the terms need, and decides. @returns whether the availability changed. */
  async look(): Promise<boolean> {
    this.#hostMetrics = await this.#deps.machine.look(askedBy(this.#terms), this.#deps.clock.monotonicMs());
    return this.decide();
  }

  /** Decides with the last metrics. @returns whether the availability changed. */
  decide(): boolean {
    const before = this.#availability;
    this.#availability = decide(this.#terms, this.#observation(this.#deps.settings.command()), before);
    return !sameAvailability(before, this.#availability);
  }

  #observation(command: OwnerCommand | undefined): Observation {
    const { idleMs, othersLoad, onBattery, programs, celsius, watts } = this.#hostMetrics ?? UNSEEN;
    const wall = this.#deps.wallClock(this.#deps.clock.now());
    return { wall, command, idleMs, othersLoad, onBattery, programs, celsius, watts };
  }
}

const UNSEEN = {
  idleMs: undefined,
  othersLoad: undefined,
  onBattery: undefined,
  programs: undefined,
  celsius: undefined,
  watts: undefined,
} as const;

/** The metrics that these terms need; temperature also for counting energy. */
export function askedBy(terms: Terms): Asked {
  return {
    untouched: terms.idleMs !== undefined,
    battery: terms.notOnBattery,
    programs: terms.yieldTo.length === 0 ? undefined : (name) => yieldsTo(terms, name),
    heat: true,
    gpus: terms.gpus === "none" ? undefined : (gpu) => isGiven(gpu, terms.gpus),
  };
}
