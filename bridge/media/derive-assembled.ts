import { closeSync, openSync } from "node:fs";
import { relativeCount } from "../core/denoise/sample-counts.ts";
import { assembledLayoutOf, createAssembled, writeAll } from "./assembled.ts";
import { ExrFile, readFully } from "./exr/exr-file.ts";
import type { FloatLayout } from "./exr/write-header.ts";
import type { DeriveRequest } from "./types.ts";
import { asWriteFailure } from "./write-beside.ts";

/**
 * Makes an assembled EXR of another one: the channels that both have, and sample counts as Cycles would show them; channels that only
 * the new one has are zeros. Blocks; `Media.deriveAssembled` runs it in a worker. Throws DISK_FULL, OUTPUT_NOT_WRITABLE.
 */
export function deriveAssembled({ from, to, relative }: DeriveRequest): void {
  createAssembled(to);
  const source = layoutAt(from);
  const target = layoutAt(to.path);
  if (source.width !== target.width || source.height !== target.height) throw new RangeError("the two pictures differ in size");
  const places = new Map(source.channels.map((name, at) => [name, at]));
  const reading = openSync(from, "r");
  const writing = openSync(to.path, "r+");
  try {
    const row = new Uint8Array(source.rowStrideBytes);
    const made = new Uint8Array(target.rowStrideBytes);
    for (let at = 0; at < source.height; at++) {
      readFully(reading, row, source.rowsStart + at * source.rowStrideBytes);
      made.fill(0);
      made.set(row.subarray(0, 4)); // the row's number
      new DataView(made.buffer).setInt32(4, target.rowStrideBytes - target.rowLeadBytes, true);
      for (const [channel, name] of target.channels.entries()) {
        const place = places.get(name);
        if (place === undefined) continue;
        const values = valuesAt(row, source, place).slice();
        const last = relative[name];
        if (last !== undefined) toRelative(values, last);
        made.set(values, target.rowLeadBytes + channel * target.width * 4);
      }
      writeAll(writing, made, target.rowsStart + at * target.rowStrideBytes);
    }
  } catch (error) {
    throw asWriteFailure(error, to.path);
  } finally {
    closeSync(reading);
    closeSync(writing);
  }
}

function layoutAt(path: string): FloatLayout {
  using file = ExrFile.open(path);
  const layout = assembledLayoutOf(file);
  if (!layout) throw new RangeError(`${path} is no assembled picture`);
  return layout;
}

function valuesAt(row: Uint8Array, layout: FloatLayout, channel: number): Uint8Array {
  const start = layout.rowLeadBytes + channel * layout.width * 4;
  return row.subarray(start, start + layout.width * 4);
}

function toRelative(bytes: Uint8Array, last: number): void {
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  for (const [at, count] of values.entries()) values[at] = relativeCount(count, last);
}
