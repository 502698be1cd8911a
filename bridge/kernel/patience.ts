import type { Time } from "./world.ts";

/** A wait goes in steps of this length at most, and a step counts no more than that, however late it ends. */
const STEP_MS = 1_000;
/** A step that ended later than this was no silence of anybody else: this process did not run. */
const LATE_MS = 250;
/** What came meanwhile is read before the end is told: timers are looked at before sockets. */
const GRACE_MS = 100;

/**
 * Calls `then` after `ms` in which this process ran; returns how not to. Time in which it was suspended, starved or
 * busy hardly counts: what others sent meanwhile lies in the sockets, unread, and their silence must not be judged by it.
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
 * A clock of the time in which this process ran: `nowMs` that never counts more than `mostMs` between two looks. To be
 * looked at more often than that.
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
