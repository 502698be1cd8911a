import { MessageChannel } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { systemWorld } from "../world.ts";
import { afterPatience, runningTimeClock } from "./patience.ts";
import { SteppedClock } from "../../test/simulation/steps.ts";

describe("a wait for a peer", () => {
  it("ends on time while this process runs", () => {
    const { passed } = steppedWait(1_050);
    expect(passed(1_040, 10)).toBe(false);
    expect(passed(10, 10)).toBe(true);
  });

  it("counts a long suspension of this process as one step", () => {
    const { passed } = steppedWait(2_000);
    expect(passed(2_100, 2_100)).toBe(false);
    expect(passed(900, 100)).toBe(false);
    expect(passed(200, 100)).toBe(true);
  });

  it("reads what arrived while this process was suspended, before it ends", async () => {
    const { port1, port2 } = new MessageChannel();
    const told: string[] = [];
    port2.on("message", () => told.push("message"));
    const ended = new Promise<void>((resolve) => void afterPatience(systemWorld, 200, () => resolve(void told.push("end"))));
    port1.postMessage("in time");
    standStill(700);
    await ended;
    port1.close();
    expect(told).toEqual(["message", "end"]);
  });

  it("does not call back after it was cancelled", () => {
    const { stop, passed } = steppedWait(20);
    stop();
    expect(passed(60, 10)).toBe(false);
  });
});

it("the patient clock follows the time, and advances by little over a suspension", () => {
  let realMs = 1_000;
  const nowMs = runningTimeClock(() => realMs, 2_000);
  realMs += 1_500;
  expect(nowMs()).toBe(2_500);
  realMs += 8 * 3_600_000;
  expect(nowMs()).toBe(4_500);
  realMs += 100;
  expect(nowMs()).toBe(4_600);
});

/** A wait on a clock that advances step by step; nothing runs between two steps. */
function steppedWait(ms: number) {
  const clock = new SteppedClock();
  let isOver = false;
  const stop = afterPatience({ clock, timers: clock }, ms, () => {
    isOver = true;
  });
  /** @returns whether the wait is over by then. */
  const passed = (forMs: number, stepMs: number) => {
    for (let at = 0; at < forMs; at += stepMs) clock.advance(stepMs);
    return isOver;
  };
  return { stop, passed };
}

/** Advances the clock without running any timer. */
function standStill(ms: number): void {
  const startMs = performance.now();
  while (performance.now() - startMs < ms);
}
