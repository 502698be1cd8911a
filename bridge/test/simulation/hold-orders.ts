import { expect, it } from "vitest";
import { hold } from "./oracle.ts";

/** Orders in all, over the files that share them: each file is a process of its own. */
const ORDERS = 100_000;
/** They are counted, not timed; a busy machine may take long. */
const TIMEOUT_MS = 40 * 60_000;

/** Lets the orders of one share of the seeds happen, every promise held in each. */
export function holdOrders(share: number, shares: number): void {
  it(`keeps every invariant in ${ORDERS / shares} orders of events (share ${share + 1} of ${shares})`, { timeout: TIMEOUT_MS }, async () => {
    Error.stackTraceLimit = 2; // thousands of expected errors, whose stacks nobody reads
    let complete = 0;
    for (let seed = share; seed < ORDERS; seed += shares) complete += (await hold(seed)).complete ? 1 : 0;
    // Most end by themselves; the others were stopped, or had nobody left to work, and were held to their resume.
    expect(complete).toBeGreaterThan(ORDERS / shares / 2);
    expect(complete).toBeLessThan((0.95 * ORDERS) / shares);
  });
}
