import { setTimeout as wait } from "node:timers/promises";
import type { JsonLine } from "../../bridge-command.ts";
import type { Moment } from "./story.ts";

/** The events of all jobs of a story together: its clock. */
export class Happenings {
  readonly #counts = new Map<string, number>();
  readonly #waiting = new Set<() => void>();

  #toldMs = performance.now();

  tell({ event }: JsonLine): void {
    this.#toldMs = performance.now();
    this.#counts.set(event, (this.#counts.get(event) ?? 0) + 1);
    for (const look of this.#waiting) look();
  }

  /** A signal that aborts after a period without events, when something hangs. The period allows for slow machines. */
  stillFor(ms: number): Disposable & { readonly signal: AbortSignal } {
    const controller = new AbortController();
    this.#toldMs = performance.now();
    const look = () => {
      if (performance.now() - this.#toldMs > ms) controller.abort(new Error(`nothing has happened for ${Math.round(ms / 1_000)} s`));
    };
    const timer = setInterval(look, 1_000);
    return { signal: controller.signal, [Symbol.dispose]: () => clearInterval(timer) };
  }

  /** Resolves at the moment; false when the signal aborted before. */
  async reach(moment: Moment, signal: AbortSignal): Promise<boolean> {
    if (moment.after !== "start" && !(await this.#counted(moment, signal))) return false;
    return await passed(moment.plusMs, signal);
  }

  #counted({ after, count }: Moment, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (is: boolean) => {
        this.#waiting.delete(look);
        signal.removeEventListener("abort", onAbort);
        resolve(is);
      };
      const onAbort = () => end(false);
      const look = () => {
        if ((this.#counts.get(after) ?? 0) >= count) end(true);
      };
      if (signal.aborted) return resolve(false);
      signal.addEventListener("abort", onAbort);
      this.#waiting.add(look);
      look();
    });
  }
}

/** Waits; false when the signal aborted before the end. */
export async function passed(ms: number, signal: AbortSignal): Promise<boolean> {
  return await wait(ms, true, { signal }).catch(() => false);
}
