import { MessageChannel } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { systemClock } from "./clock.ts";
import { systemWorld } from "./world.ts";
import { afterPatience, patientNow } from "./patience.ts";

describe("a wait for a peer", () => {
  it("ends on time while this process runs", async () => {
    const startMs = performance.now();
    await new Promise<void>((resolve) => void afterPatience(systemWorld, 1_050, resolve));
    expect(performance.now() - startMs).toBeGreaterThan(1_040);
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });

  it("counts a long suspension of this process as one step", async () => {
    let isOver = false;
    afterPatience(systemWorld, 2_000, () => {
      isOver = true;
    });
    standStill(2_100);
    await systemClock.sleep(500);
    expect(isOver).toBe(false);
    await systemClock.sleep(800);
    expect(isOver).toBe(true);
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

  it("does not call back after it was cancelled", async () => {
    let isOver = false;
    const stop = afterPatience(systemWorld, 20, () => {
      isOver = true;
    });
    stop();
    await systemClock.sleep(60);
    expect(isOver).toBe(false);
  });
});

it("the patient clock follows the time, and advances by little over a suspension", () => {
  let realMs = 1_000;
  const nowMs = patientNow(() => realMs, 2_000);
  realMs += 1_500;
  expect(nowMs()).toBe(2_500);
  realMs += 8 * 3_600_000;
  expect(nowMs()).toBe(4_500);
  realMs += 100;
  expect(nowMs()).toBe(4_600);
});

/** The clock goes on, and nothing of ours runs. */
function standStill(ms: number): void {
  const startMs = performance.now();
  while (performance.now() - startMs < ms);
}
