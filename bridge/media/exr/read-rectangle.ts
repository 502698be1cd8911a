import type { ExrFile } from "./exr-file.ts";
import { forEachBlock } from "./scanlines.ts";

/** A rectangle of a picture in its rows, from the top. */
export interface PixelArea {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Reads some channels of a rectangle: the bits of its floats, row after row.
 * Channels that the file lacks are absent from the result.
 */
export function readRectangle(file: ExrFile, area: PixelArea, channels: readonly string[]): Map<string, Uint32Array> {
  const asked = new Set(channels);
  const found = new Map<string, Uint32Array>();
  const bottom = area.top + area.height;
  for (const part of file.header.parts) {
    for (const { name } of part.channels) if (asked.has(name)) found.set(name, new Uint32Array(area.width * area.height));
  }
  forEachBlock(
    file,
    ({ part, firstRow, rows, bytes }) => {
      const bits = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
      const from = Math.max(firstRow, area.top);
      const to = Math.min(firstRow + rows, bottom);
      for (const [index, { name }] of part.channels.entries()) {
        const into = found.get(name);
        for (let row = from; into && row < to; row++) {
          const start = ((row - firstRow) * part.channels.length + index) * part.width + area.left;
          into.set(bits.subarray(start, start + area.width), (row - area.top) * area.width);
        }
      }
    },
    (part, firstRow, rows) => firstRow < bottom && firstRow + rows > area.top && part.channels.some(({ name }) => asked.has(name)),
  );
  return found;
}
