import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FRAME_STREAM_LIMITS } from "../../protocols/frame-stream.ts";
import { FrameAssembly, frameHeader } from "./frame-assembly.ts";

describe("FrameAssembly", () => {
  it("gives the same frames however the bytes are split", () => {
    const frames = fc.array(fc.uint8Array({ maxLength: 5_000 }), { maxLength: 8 });
    const cuts = fc.array(fc.nat({ max: 40_000 }), { maxLength: 30 });
    fc.assert(
      fc.property(frames, cuts, (sent, places) => {
        const whole = Buffer.concat(sent.flatMap((frame) => [frameHeader(frame), frame]));
        const sorted = [0, ...places.map((place) => Math.min(place, whole.length)).sort((a, b) => a - b), whole.length];
        const assembly = new FrameAssembly();
        const received: Uint8Array[] = [];
        for (const [index, start] of sorted.slice(0, -1).entries()) {
          assembly.push(whole.subarray(start, sorted[index + 1]));
          while (assembly.isReady) received.push(assembly.next() as Uint8Array);
          expect(assembly.next()).toBeUndefined();
        }
        expect(received.map((frame) => Buffer.from(frame).toString("hex"))).toEqual(
          sent.map((frame) => Buffer.from(frame).toString("hex")),
        );
        expect(assembly.isBetweenFrames).toBe(true);
      }),
    );
  });

  it("buffers single bytes in memory of their size", () => {
    const frame = new Uint8Array(200_000).fill(1);
    const whole = Buffer.concat([frameHeader(frame), frame]);
    const assembly = new FrameAssembly();
    for (const byte of whole) assembly.push(Uint8Array.of(byte));
    expect(assembly.bytes).toBe(whole.length);
    expect(assembly.next()?.byteLength).toBe(frame.byteLength);
  });

  it("refuses a length over the limit as soon as it is read", () => {
    const assembly = new FrameAssembly();
    assembly.push(Uint8Array.of(0xff, 0xff));
    expect(assembly.isReady).toBe(false);
    assembly.push(Uint8Array.of(0xff, 0xff));
    expect(assembly.isReady).toBe(true);
    expect(() => assembly.next()).toThrow(expect.objectContaining({ code: "PEER_BROKE_PROTOCOL" }));
    expect(() => assembly.next()).toThrow(expect.objectContaining({ code: "PEER_BROKE_PROTOCOL" }));
  });

  it("knows whether it is in the middle of a frame", () => {
    const assembly = new FrameAssembly();
    expect(assembly.isBetweenFrames).toBe(true);
    assembly.push(Uint8Array.of(0, 0, 0, 2));
    expect(assembly.next()).toBeUndefined();
    expect(assembly.isBetweenFrames).toBe(false);
    assembly.push(Uint8Array.of(1, 2));
    expect(assembly.next()).toEqual(Uint8Array.of(1, 2));
    expect(assembly.isBetweenFrames).toBe(true);
  });

  it("makes no header for a frame over the limit", () => {
    expect(() => frameHeader(new Uint8Array(FRAME_STREAM_LIMITS.maxFrameBytes + 1))).toThrow(RangeError);
  });
});
