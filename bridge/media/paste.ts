import { closeSync, openSync } from "node:fs";
import type { Rect } from "../core/job/scene-facts.ts";
import { fitsSpec, assembledLayoutOf, writeAll } from "./assembled.ts";
import { AbsoluteCounts } from "./absolute-counts.ts";
import { ExrFile } from "./exr/exr-file.ts";
import { exrInvalid, quoted } from "./exr/exr-invalid.ts";
import type { ExrPart } from "./exr/header.ts";
import { forEachBlock, type DecodedScanlines } from "./exr/scanlines.ts";
import { type FloatLayout, valuePosition } from "./exr/write-header.ts";
import { bottomRow, contains, topRow } from "./rect-rows.ts";
import type { PasteRequest } from "./types.ts";
import { asWriteFailure } from "./write-beside.ts";

/** Channels that are adjacent in the part and in the target: copied in one piece if widths allow. */
interface ChannelRun {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

interface Paste {
  readonly descriptor: number;
  readonly layout: FloatLayout;
  readonly runs: readonly (readonly ChannelRun[])[];
  /** The crop, in the result's and in the target's rows (from the top) and columns. */
  readonly tileTop: number;
  readonly tileBottom: number;
  readonly tileLeft: number;
  readonly tileWidth: number;
  readonly rowShift: number;
  readonly targetLeft: number;
}

/**
 * Copies the crop of a result into an assembled file, bit for bit, by positioned writes.
 *
 * Pasting twice is the same as once; two pastes of rectangles that do not overlap may run at the same
 * time. Blocks; `Media.paste` runs it in a worker. Throws EXR_INVALID for the result, DISK_FULL.
 */
export function pasteResult(request: PasteRequest): void {
  const { resultRect, tileRect, region, target } = request;
  if (!contains(resultRect, tileRect) || !contains(region, tileRect))
    throw new RangeError("the crop is outside of the result or of the picture");
  if (region.width !== target.width || region.height !== target.height) throw new RangeError("the region and the target differ in size");
  using file = ExrFile.open(request.resultPath);
  if (file.width !== resultRect.width || file.height !== resultRect.height) {
    throw exrInvalid(`it is ${file.width}x${file.height} pixels, ${resultRect.width}x${resultRect.height} were requested`);
  }
  const layout = readLayout(request);
  const runs = channelRuns(file.header.parts, layout.channels);
  const descriptor = openSync(target.path, "r+");
  try {
    const paste = { descriptor, layout, runs, ...place(resultRect, tileRect, region) };
    const wanted = (_: ExrPart, firstRow: number, rows: number) => firstRow < paste.tileBottom && firstRow + rows > paste.tileTop;
    const counts = new AbsoluteCounts(file, request.lastSamples ?? {});
    const visit = (block: DecodedScanlines) => {
      counts.apply(block);
      pasteBlock(block, paste);
    };
    forEachBlock(file, visit, wanted);
  } catch (error) {
    throw asWriteFailure(error, target.path);
  } finally {
    closeSync(descriptor);
  }
}

function readLayout(request: PasteRequest): FloatLayout {
  using target = ExrFile.open(request.target.path);
  const layout = assembledLayoutOf(target);
  if (!layout || !fitsSpec(layout, request.target)) throw new RangeError(`${request.target.path} does not have the layout of the target`);
  return layout;
}

function place(resultRect: Rect, tileRect: Rect, region: Rect): Omit<Paste, "descriptor" | "layout" | "runs"> {
  const tileTop = topRow(resultRect, tileRect);
  return {
    tileTop,
    tileBottom: bottomRow(resultRect, tileRect),
    tileLeft: tileRect.x - resultRect.x,
    tileWidth: tileRect.width,
    rowShift: topRow(region, tileRect) - tileTop,
    targetLeft: tileRect.x - region.x,
  };
}

/** Maps the channels of each part to the target; every channel of the target must have a source. */
function channelRuns(parts: readonly ExrPart[], channels: readonly string[]): ChannelRun[][] {
  const places = new Map(channels.map((name, at) => [name, at]));
  const runs = parts.map((part) => {
    const ofPart: { from: number; to: number; count: number }[] = [];
    for (const [from, { name }] of part.channels.entries()) {
      const to = places.get(name);
      if (to === undefined) continue;
      places.delete(name);
      const last = ofPart.at(-1);
      if (last && last.from + last.count === from && last.to + last.count === to) last.count++;
      else ofPart.push({ from, to, count: 1 });
    }
    return ofPart;
  });
  const [missing] = places.keys();
  if (missing !== undefined) throw exrInvalid(`it lacks the channel ${quoted(missing)}`);
  return runs;
}

function pasteBlock(block: DecodedScanlines, paste: Paste): void {
  const from = Math.max(block.firstRow, paste.tileTop);
  const to = Math.min(block.firstRow + block.rows, paste.tileBottom);
  const runs = paste.runs[block.part.index] ?? [];
  const wholeRows = paste.tileWidth === block.part.width && paste.tileWidth === paste.layout.width;
  if (wholeRows && runs[0]?.count === paste.layout.channels.length) return pasteWholeRows(block, paste, { from, to });
  for (let row = from; row < to; row++) for (const run of runs) pasteRun({ block, run, row }, paste, wholeRows);
}

/** The result has exactly the target's rows: row headers and values of all of them are one write. */
function pasteWholeRows(block: DecodedScanlines, paste: Paste, rows: { readonly from: number; readonly to: number }): void {
  const { rowStrideBytes, rowLeadBytes, rowsStart } = paste.layout;
  const rowBytes = rowStrideBytes - rowLeadBytes;
  const source = block.part.channels.length * block.part.width * 4;
  const first = (paste.runs[block.part.index]?.[0]?.from ?? 0) * block.part.width * 4;
  const out = Buffer.allocUnsafe((rows.to - rows.from) * rowStrideBytes);
  for (let row = rows.from; row < rows.to; row++) {
    const at = (row - rows.from) * rowStrideBytes;
    const start = (row - block.firstRow) * source + first;
    out.writeInt32LE(row + paste.rowShift, at);
    out.writeInt32LE(rowBytes, at + 4);
    out.set(block.bytes.subarray(start, start + rowBytes), at + rowLeadBytes);
  }
  writeAll(paste.descriptor, out, rowsStart + (rows.from + paste.rowShift) * rowStrideBytes);
}

function pasteRun(
  piece: { readonly block: DecodedScanlines; readonly run: ChannelRun; readonly row: number },
  paste: Paste,
  wholeRows: boolean,
): void {
  const { block, run, row } = piece;
  const { width, channels } = block.part;
  const rowStart = (row - block.firstRow) * channels.length * width;
  const pieces = wholeRows ? 1 : run.count;
  const values = wholeRows ? run.count * width : paste.tileWidth;
  for (let at = 0; at < pieces; at++) {
    const start = (rowStart + (run.from + at) * width + paste.tileLeft) * 4;
    const position = valuePosition(paste.layout, row + paste.rowShift, run.to + at, paste.targetLeft);
    writeAll(paste.descriptor, block.bytes.subarray(start, start + values * 4), position);
  }
}
