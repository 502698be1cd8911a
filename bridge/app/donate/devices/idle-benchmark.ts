import { childSignal, type ChildSignal } from "../../../kernel/abort.ts";
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import type { DonorDevices } from "./donor-devices.ts";

/** Nothing was asked of the machine for so long: a moment's measuring disturbs nobody, and nobody it. */
const QUIET_MS = 5_000;

export interface IdleBenchmarkDeps {
  readonly devices: Pick<DonorDevices, "wantsMeasure" | "measureCpu">;
  /** Whether neither a job nor anybody else needs this machine, and its owner lets it work. */
  readonly isQuiet: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Has a donor measure its processor as soon as it has nothing else to do; whoever needs the machine comes first. */
export class IdleBenchmark implements AsyncDisposable {
  readonly #deps: IdleBenchmarkDeps;
  #quietSinceMs: number | undefined;
  #running: { readonly life: ChildSignal; readonly ended: Promise<void> } | undefined;
  #gaveUp = false;

  constructor(deps: IdleBenchmarkDeps) {
    this.#deps = deps;
  }

  /** Called now and then, and whenever a job comes. */
  turn(): void {
    const { devices, isQuiet, clock } = this.#deps;
    if (!isQuiet()) {
      this.#quietSinceMs = undefined;
      this.#running?.life.abort();
      return;
    }
    this.#quietSinceMs ??= clock.monotonicMs();
    if (this.#running || this.#gaveUp || !devices.wantsMeasure || clock.monotonicMs() - this.#quietSinceMs < QUIET_MS) return;
    const life = childSignal();
    this.#running = { life, ended: this.#measure(life) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#running?.life.abort();
    await this.#running?.ended;
  }

  async #measure(life: ChildSignal): Promise<void> {
    try {
      await this.#deps.devices.measureCpu(life.signal);
    } catch (error) {
      this.#gaveUp = !life.signal.aborted;
      this.#deps.log.debug({ error }, "the processor was not measured");
    }
    life.dispose();
    this.#running = undefined;
  }
}
