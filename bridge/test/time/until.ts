import { timeLimit } from "./time-limit.ts";

/** Waits up to a minute until a condition is true. */
export async function until(what: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<void> {
  const endMs = performance.now() + timeLimit(limitMs);
  while (!(await what())) {
    if (performance.now() > endMs) throw new Error(`not so within ${timeLimit(limitMs)} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
