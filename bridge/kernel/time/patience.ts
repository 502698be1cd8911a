import type { Time } from "../world.ts";

/** A wait is split into steps of at most this length; a step counts at most this much, however late it ends. */
const STEP_MS = 1_000;
/** A step that ended later than this shows that this process did not run, not that a peer was silent. */
const LATE_MS = 250;
/** Messages that arrived meanwhile are read before the wait ends: timers run before sockets are read. */
const GRACE_MS = 100;

/**
 * Calls `then` after `ms` in which this process ran; returns a cancel function. Time in which it was suspended, starved or
 * busy hardly counts: messages that arrived meanwhile are still unread in the sockets, so peers would wrongly seem silent.
 */
export function afterPatience({ clock, timers }: Time, ms: number, then: () => void): () => void {
  let leftMs = ms;
  let stop: () => void;
  const wait = (stepMs: number, next: (lateMs: number) => void) => {
    const startMs = clock.monotonicMs();
    stop = timers.after(stepMs, () => next(clock.monotonicMs() - startMs - stepMs));
  };
  const step = () => {
    const stepMs = Math.min(STEP_MS, leftMs);
    leftMs -= stepMs;
    wait(stepMs, (lateMs) => {
      if (leftMs > 0) step();
      else if (lateMs > LATE_MS) wait(GRACE_MS, then);
      else then();
    });
  };
  step();
  return () => stop();
}

/**
 * A clock of the time in which this process ran: `nowMs` that advances at most `mostMs` between two calls. It must be
 * called more often than that.
 */
export function runningTimeClock(nowMs: () => number, mostMs: number): () => number {
  let seenMs = nowMs();
  let countedMs = seenMs;
  return () => {
    const elapsedMs = nowMs() - seenMs;
    seenMs += elapsedMs;
    countedMs += Math.min(elapsedMs, mostMs);
    return countedMs;
  };
}
