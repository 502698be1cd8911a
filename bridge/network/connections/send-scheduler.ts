import { setImmediate } from "node:timers/promises";

let last: Promise<void> = Promise.resolve();

/**
 * Waits for this process's next turn to send a slice. Encryption holds up everything else, so that of all streams
 * together one slice is sent a turn of the event loop: with many donors a heartbeat waits no longer than with one.
 */
export function sendingTurn(): Promise<void> {
  last = last.then(() => setImmediate());
  return last;
}
