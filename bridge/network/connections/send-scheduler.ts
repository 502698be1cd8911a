import { setImmediate } from "node:timers/promises";

let last: Promise<void> = Promise.resolve();

/**
 * Waits for this process's next turn to send a slice. Encryption blocks the event loop, so of all streams
 * together one slice is sent per turn of the event loop: heartbeats wait no longer with many donors than with one.
 */
export function sendingTurn(): Promise<void> {
  last = last.then(() => setImmediate());
  return last;
}
