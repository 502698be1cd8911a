import { timeLimit } from "./time-limit.ts";

/** Waits until something is so. What takes a moment is waited for a minute: only what never comes fails. */
export async function until(what: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<void> {
  const endMs = performance.now() + timeLimit(limitMs);
  while (!(await what())) {
    if (performance.now() > endMs) throw new Error(`not so within ${timeLimit(limitMs)} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
