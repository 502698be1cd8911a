import { beforeEach, expect, test } from "vitest";
import { systemWorld } from "../world.ts";
import { unansweredCalls, withDeadline } from "./with-deadline.ts";

/** Other tests of this process may have left calls that are never answered. */
let before: number;
beforeEach(() => {
  before = unansweredCalls();
});
const unanswered = () => unansweredCalls() - before;

const late = () => new Error("too late");

test("an answer or an error in time is passed on", async () => {
  expect(await withDeadline(Promise.resolve(3), { time: systemWorld, limitMs: 1_000, late })).toBe(3);
  await expect(withDeadline(Promise.reject(new Error("no")), { time: systemWorld, limitMs: 1_000, late })).rejects.toThrow("no");
  expect(unanswered()).toBe(0);
});

test("a call that does not return is given up at the deadline, and counts as pending until it returns", async () => {
  const call = Promise.withResolvers<void>();
  await expect(withDeadline(call.promise, { time: systemWorld, limitMs: 10, late })).rejects.toThrow("too late");
  expect(unanswered()).toBe(1);
  call.reject(new Error("the mount is back, and the file is not"));
  await expect(call.promise).rejects.toThrow("the mount is back");
  await Promise.resolve();
  expect(unanswered()).toBe(0);
});

test("an aborted caller stops waiting at once", async () => {
  const call = Promise.withResolvers<void>();
  const stop = new AbortController();
  const waiting = withDeadline(call.promise, { time: systemWorld, limitMs: 60_000, late, signal: stop.signal });
  stop.abort(new Error("stopped"));
  await expect(waiting).rejects.toThrow("stopped");
  expect(unanswered()).toBe(1);
  call.resolve();
  await call.promise;
  await Promise.resolve();
  expect(unanswered()).toBe(0);
});
