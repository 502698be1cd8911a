import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader } from "./frame-reader.ts";
import { ENGINE_FRAMING, FROM, encodeSupervisorFrame, SUPERVISOR_FRAMING, SUPERVISOR_LIMITS } from "./supervisor-wire.ts";

/** Frames reassembled from the pieces that a reader passes on. */
async function read(chunks: readonly Buffer[], framing = SUPERVISOR_FRAMING) {
  const frames: { kind: number; bytes: Buffer }[] = [];
  const open: Buffer[] = [];
  const reader = new FrameReader(framing, ({ kind, bytes, last }) => {
    open.push(bytes);
    if (last) frames.push({ kind, bytes: Buffer.concat(open.splice(0)) });
  });
  for (const chunk of chunks) await reader.push(chunk);
  return frames;
}

describe("frames from a sandbox", () => {
  it("are the same however the stream is split", async () => {
    const kinds = fc.constantFrom(FROM.output, FROM.file);
    const frame = fc.record({ kind: kinds, payload: fc.uint8Array({ maxLength: 300 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }),
        async (sent, cuts) => {
          const stream = Buffer.concat(sent.map(({ kind, payload }) => encodeSupervisorFrame(kind, payload)));
          const chunks: Buffer[] = [];
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const size = cuts[turn % cuts.length] ?? 1;
            chunks.push(stream.subarray(at, at + size));
            at += size;
          }
          const frames = await read(chunks);
          expect(frames).toEqual(sent.map(({ kind, payload }) => ({ kind, bytes: Buffer.from(payload) })));
        },
      ),
    );
  });

  it("are refused by their header when they are too long, before memory is allocated", async () => {
    const header = (kind: number, bytes: number) => {
      const buffer = Buffer.alloc(5);
      buffer.writeUInt8(kind, 0);
      buffer.writeUInt32BE(bytes, 1);
      return [buffer];
    };
    await expect(read(header(FROM.output, 0xffffffff))).rejects.toThrow("too long");
    await expect(read(header(FROM.file, SUPERVISOR_LIMITS.maxFrameBytes + 1))).rejects.toThrow("too long");
    await expect(read(header(FROM.lastWord, SUPERVISOR_LIMITS.maxWordBytes + 1))).rejects.toThrow("too long");
    await expect(read(header("?".charCodeAt(0), 2_000))).rejects.toThrow("too long");
  });

  it("of the engine are passed on in pieces, whatever their length field", async () => {
    const pieces: number[] = [];
    const reader = new FrameReader(ENGINE_FRAMING, ({ bytes }) => void pieces.push(bytes.length));
    await reader.push(Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]));
    await reader.push(Buffer.alloc(1_000));
    expect(pieces).toEqual([1_000]);
  });
});
