import { expect, it } from "vitest";
import { hold } from "./oracle.ts";

/** Total orders, divided between test files, each of which is its own process. */
const ORDERS = 100_000;
/** A fixed number of orders, which may take long on a busy machine. */
const TIMEOUT_MS = 40 * 60_000;

/** Runs the orders of one share of the seeds, checking every invariant in each. */
export function checkOrders(share: number, shares: number): void {
  it(`keeps every invariant in ${ORDERS / shares} orders of events (share ${share + 1} of ${shares})`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    Error.stackTraceLimit = 2; // thousands of expected errors, whose stacks are not needed
    let complete = 0;
    for (let seed = share; seed < ORDERS; seed += shares) complete += (await hold(seed)).complete ? 1 : 0;
    // Most end by themselves; the others were stopped, or had no donor left, and were resumed.
    expect(complete).toBeGreaterThan(ORDERS / shares / 2);
    expect(complete).toBeLessThan((0.95 * ORDERS) / shares);
  });
}
