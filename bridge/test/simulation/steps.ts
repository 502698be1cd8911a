import type { Clock } from "../../kernel/time/clock.ts";
import type { Timers } from "../../kernel/world.ts";

/** A possible next step. */
export interface Step {
  readonly name: string;
  run(): void;
}

/**
 * All pending operations of a simulated job. Every wait for the outside is registered here, and the next one is the
 * explorer's choice, so that every possible order of answers can be tried.
 */
export class Steps {
  readonly waiting: Step[] = [];

  /** Resolves, or throws what `work` throws, when the explorer chooses it. */
  later<T>(name: string, work: () => T, signal?: AbortSignal): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const drop = () => {
      this.#remove(step);
      reject(signal?.reason as Error);
    };
    const step: Step = {
      name,
      run: () => {
        signal?.removeEventListener("abort", drop);
        try {
          resolve(work());
        } catch (error) {
          reject(error as Error);
        }
      },
    };
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    signal?.addEventListener("abort", drop, { once: true });
    this.waiting.push(step);
    return promise;
  }

  take(index: number): Step | undefined {
    return this.waiting.splice(index, 1)[0];
  }

  #remove(step: Step): void {
    const at = this.waiting.indexOf(step);
    if (at >= 0) this.waiting.splice(at, 1);
  }
}

/** A clock that is advanced by the test, with its timers. */
export class SteppedClock implements Clock, Timers {
  #nowMs = 0;
  readonly #sleeping = new Set<{ readonly untilMs: number; wake(): void }>();

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const sleeper = {
        untilMs: this.#nowMs + ms,
        wake: () => {
          this.#sleeping.delete(sleeper);
          signal?.removeEventListener("abort", stop);
          resolve();
        },
      };
      const stop = () => {
        this.#sleeping.delete(sleeper);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener("abort", stop, { once: true });
      this.#sleeping.add(sleeper);
    });
  }

  after(ms: number, then: () => void): () => void {
    const sleeper = {
      untilMs: this.#nowMs + ms,
      wake: () => {
        this.#sleeping.delete(sleeper);
        then();
      },
    };
    this.#sleeping.add(sleeper);
    return () => void this.#sleeping.delete(sleeper);
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const sleeper of this.#sleeping) if (sleeper.untilMs <= this.#nowMs) sleeper.wake();
  }
}
