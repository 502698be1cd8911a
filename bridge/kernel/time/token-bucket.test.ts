import { expect, it } from "vitest";
import { fullBucket, consume, type TokenBucket, waitMs } from "./token-bucket.ts";

const RATE = 1_000;

it("lets a burst pass after a rest, and then keeps to the rate, whatever the sizes", () => {
  let bucket: TokenBucket = fullBucket(RATE, 0);
  let nowMs = 0;
  let sum = 0;
  for (const bytes of [100, 900, 1, 50, 2_000, 300, 300, 300, 10, 5_000, 40]) {
    nowMs += waitMs(bucket, RATE, nowMs);
    bucket = consume(bucket, bytes, RATE, nowMs);
    sum += bytes;
    // Never more than the rate allows, except the burst and the current piece.
    expect(sum - bytes).toBeLessThanOrEqual(250 + (nowMs / 1_000) * RATE);
  }
  nowMs += waitMs(bucket, RATE, nowMs);
  expect(nowMs).toBeGreaterThanOrEqual(((sum - 250) / RATE) * 1_000);
  expect(nowMs).toBeLessThanOrEqual((sum / RATE) * 1_000 + 20);
});

it("saves up at most a quarter of a second of the rate", () => {
  const bucket = consume(fullBucket(RATE, 0), 0, RATE, 1e9);
  expect(bucket.tokens).toBe(250);
});

it("does not run backwards with the clock", () => {
  const bucket = consume(fullBucket(RATE, 1_000), 250, RATE, 1_000);
  expect(consume(bucket, 0, RATE, 0).tokens).toBe(0);
});
