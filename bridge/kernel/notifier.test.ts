import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { Notifier } from "./notifier.ts";
import { systemWorld } from "./world.ts";

it("wakes every current waiter, and none that starts to wait later", async () => {
  const notifier = new Notifier();
  const both = Promise.all([notifier.wait(), notifier.wait()]);
  notifier.wake();
  await both;
  let isAwake = false;
  void notifier.wait().then(() => (isAwake = true));
  await systemWorld.clock.sleep(5);
  expect(isAwake).toBe(false);
});

it("a wait ends with its signal and leaves nothing on it", async () => {
  const notifier = new Notifier();
  const stop = new AbortController();
  const waiting = notifier.wait(stop.signal);
  expect(getEventListeners(stop.signal, "abort")).toHaveLength(1);
  stop.abort();
  await waiting;
  expect(getEventListeners(stop.signal, "abort")).toHaveLength(0);
  await notifier.wait(stop.signal); // aborted before it began
});

it("a wait times out, by the timers that it was given", async () => {
  const due: (() => void)[] = [];
  const stopped: number[] = [];
  const timers = { after: (ms: number, then: () => void) => (due.push(then), () => void stopped.push(ms)) };
  const waiting = new Notifier().wait(undefined, { ms: 250, timers });
  due[0]?.();
  await waiting;
  expect(stopped).toEqual([250]);
});
