import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLines } from "./bounded-lines.ts";

async function linesOf(chunks: readonly (string | Buffer)[], maxChars: number): Promise<[string, boolean][]> {
  const stream = new PassThrough();
  const lines: [string, boolean][] = [];
  readLines(stream, maxChars, (line, whole) => lines.push([line, whole]));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await new Promise((resolve) => stream.once("end", resolve));
  return lines;
}

describe("bounded lines", () => {
  it("come out as they were written, however the stream is split", async () => {
    const line = fc.stringMatching(/^[a-zä€😀 ]{1,12}$/u);
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1 }), fc.integer({ min: 1, max: 7 }), async (lines, size) => {
        const bytes = Buffer.from(`${lines.join("\n")}\n`);
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        expect(await linesOf(chunks, 100)).toEqual(lines.map((text) => [text, true]));
      }),
    );
  });

  it("are truncated when they are too long; the next one is whole again", async () => {
    expect(await linesOf(["abc", "defgh", "ij\nabcd\nabcde", "\r\nxy"], 5)).toEqual([
      ["abcde", false],
      ["abcd", true],
      ["abcde", false],
      ["xy", true],
    ]);
  });
});
