/**
 * How long a test waits before it fails as hanging: `ms` on two idle cores, longer on a slower machine (`slowness.ts`; unchanged
 * without a measurement). It never decides whether code is correct: speed is compared with something else in the same
 * run, counted in steps, or tested with virtual time.
 */
export function timeLimit(ms: number): number {
  return Math.ceil(ms * Number(process.env["P2P_RENDER_TEST_SLOWNESS"] ?? 1));
}

/** Aborts after this time. */
export function timeLimitSignal(ms: number): AbortSignal {
  return AbortSignal.timeout(timeLimit(ms));
}
