import { expect, it } from "vitest";
import { STALL_TIMEOUTS, isStalled, stallMessage, type PendingOperation } from "./stall.ts";

const MINUTE_MS = 60_000;
const wait = (kind: PendingOperation["kind"], seconds?: number): PendingOperation => ({ what: `the ${kind}`, kind, sinceMs: 0, seconds });

it("a job that waits for nothing known counts as stalled after the short limit", () => {
  expect(isStalled(STALL_TIMEOUTS.otherMs, 0, [])).toBe(false);
  expect(isStalled(STALL_TIMEOUTS.otherMs + 1, 0, [])).toBe(true);
});

it("a render of unknown length may take a night; a render expected to take a minute stalls after fifty times that plus half an hour", () => {
  expect(isStalled(12 * 60 * MINUTE_MS, 0, [wait("render")])).toBe(false);
  expect(isStalled(49 * MINUTE_MS, 0, [wait("render", 60)])).toBe(false);
  expect(isStalled(51 * MINUTE_MS, 0, [wait("render", 60)])).toBe(true);
  expect(isStalled(29 * MINUTE_MS, 0, [wait("render", 1)])).toBe(false);
  expect(isStalled(31 * MINUTE_MS, 0, [wait("render", 1)])).toBe(true);
});

it("the longest of its waits decides, from when that wait began", () => {
  expect(isStalled(60 * MINUTE_MS, 0, [wait("other"), wait("finish")])).toBe(false);
  expect(isStalled(60 * MINUTE_MS, 0, [{ ...wait("other"), sinceMs: 45 * MINUTE_MS }])).toBe(false);
});

it("the message says what it waited for", () => {
  const waits = [wait("other"), ...Array.from({ length: 6 }, (_, index) => ({ ...wait("render"), what: `chunk ${index}` }))];
  expect(stallMessage(30 * MINUTE_MS, 0, waits)).toBe(
    "there was no progress for 30 minutes; the job waited for the other (1800 s), chunk 0 (1800 s), chunk 1 (1800 s), chunk 2 (1800 s), chunk 3 (1800 s) and 2 more",
  );
});
