import { describe, expect, it } from "vitest";
import { EventLog } from "./event-log.ts";

function logOf(count: number, kept: number): EventLog<number> {
  const log = new EventLog<number>({ kept });
  for (let event = 0; event < count; event++) log.push(0, event);
  return log;
}

function toldFrom(log: EventLog<number>, from: number): number[] {
  const told: number[] = [];
  log.follow(from, ({ event }) => told.push(event))();
  return told;
}

describe("an event log", () => {
  it("yields events from a number on, then new ones, until it is stopped", () => {
    const log = logOf(3, 10);
    const told: [number, number][] = [];
    const stop = log.follow(1, ({ seq, event }) => told.push([seq, event]));
    log.push(0, 3);
    stop();
    log.push(0, 4);
    expect(told).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect([log.first, log.next]).toEqual([0, 5]);
  });

  it("drops the oldest events, reports the gap, and keeps the numbering", () => {
    for (const count of [20, 25, 1_000]) {
      const log = logOf(count, 10);
      expect(log.next).toBe(count);
      expect(log.first).toBeGreaterThan(0);
      expect(log.next - log.first).toBeGreaterThanOrEqual(10);
      expect(log.next - log.first).toBeLessThan(20);
      expect(toldFrom(log, 0)).toEqual(Array.from({ length: count - log.first }, (_, at) => log.first + at));
    }
  });
});
