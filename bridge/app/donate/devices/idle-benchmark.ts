import { childSignal, type LinkedAbort } from "../../../kernel/abort.ts";
import type { Clock } from "../../../kernel/time/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import type { DonorDevices } from "./donor-devices.ts";

/** The machine must have been idle this long, so that the benchmark disturbs nothing and is not disturbed. */
const QUIET_MS = 5_000;

export interface IdleBenchmarkDeps {
  readonly devices: Pick<DonorDevices, "wantsMeasure" | "measureCpu">;
  /** Whether no job and no user needs this machine, and its owner allows work. */
  readonly isQuiet: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Benchmarks a donor's CPU once the machine is idle; stops as soon as it is needed. */
export class IdleBenchmark implements AsyncDisposable {
  readonly #deps: IdleBenchmarkDeps;
  #quietSinceMs: number | undefined;
  #running: { readonly life: LinkedAbort; readonly ended: Promise<void> } | undefined;
  #gaveUp = false;

  constructor(deps: IdleBenchmarkDeps) {
    this.#deps = deps;
  }

  /** Called regularly, and whenever a job is opened. */
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

  async #measure(life: LinkedAbort): Promise<void> {
    try {
      await this.#deps.devices.measureCpu(life.signal);
    } catch (error) {
      this.#gaveUp = !life.signal.aborted;
      this.#deps.log.debug({ error }, "the CPU was not benchmarked");
    }
    life.dispose();
    this.#running = undefined;
  }
}
