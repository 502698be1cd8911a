import { describe, expect, it } from "vitest";
import { TransferPace } from "./transfer-pace.ts";

const KIB = 1024;

/** Seconds until a transfer with `bytes` every `everyMs` is ended; undefined when it continues for ten minutes. */
function endsAfter(bytes: number, everyMs: number): number | undefined {
  const pace = new TransferPace();
  for (let atMs = everyMs; atMs <= 600_000; atMs += everyMs) {
    try {
      pace.passed(bytes, everyMs);
    } catch {
      return atMs / 1_000;
    }
  }
  return undefined;
}

describe("[B14] the slowest accepted transfer", () => {
  it("a transfer of a few bytes now and then is ended within a minute", () => {
    expect(endsAfter(1, 1_000)).toBe(60);
    expect(endsAfter(1, 29_000)).toBe(87);
  });

  it("a slow link continues: 1 Mbit/s alone, shared by eight, and just above the minimum", () => {
    expect(endsAfter(128 * KIB, 1_049)).toBeUndefined();
    expect(endsAfter(128 * KIB, 8 * 1_049)).toBeUndefined();
    expect(endsAfter(128 * KIB, 29_000)).toBeUndefined();
  });

  it("a fast start does not allow a slow end", () => {
    const pace = new TransferPace();
    for (let count = 0; count < 2; count++) pace.passed(2 ** 30, 30_000);
    expect(() => pace.passed(1, 30_000)).not.toThrow();
    expect(() => pace.passed(1, 30_000)).toThrow(/less than 4096/);
  });

  it("time in which this process was suspended does not count against the peer", () => {
    const pace = new TransferPace();
    pace.passed(128 * KIB, 8 * 3_600_000);
    expect(() => pace.passed(128 * KIB, 30_000)).not.toThrow();
  });
});

describe("[B15] the range size for a link", () => {
  const pieceAt = (bytesPerSecond: number) => {
    const pace = new TransferPace();
    for (let second = 0; second < 5; second++) pace.passed(bytesPerSecond, 1_000);
    return pace.pieceBytes;
  };

  it("is small at first and on slow links, and grows to the maximum on fast ones", () => {
    expect(new TransferPace().pieceBytes).toBe(128 * KIB);
    expect(pieceAt(8 * KIB)).toBe(128 * KIB);
    expect(pieceAt(100 * KIB)).toBe(300 * KIB);
    expect(pieceAt(50 * KIB * KIB)).toBe(1024 * KIB);
  });
});
