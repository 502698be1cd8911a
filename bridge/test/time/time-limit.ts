/**
 * How long a test waits for something before it says that it hangs: `ms` on two quiet cores, longer on a slower machine (`slowness.ts`; as
 * it is where nobody measured). It never decides whether code is right: what must be quick is compared with something else in the same
 * run, is counted, or has a clock that the test moves.
 */
export function timeLimit(ms: number): number {
  return Math.ceil(ms * Number(process.env["P2P_RENDER_TEST_SLOWNESS"] ?? 1));
}

/** Aborts when a test has waited so long. */
export function timeLimitSignal(ms: number): AbortSignal {
  return AbortSignal.timeout(timeLimit(ms));
}
