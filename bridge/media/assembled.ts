import { closeSync, existsSync, fdatasyncSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { isFarmError } from "../kernel/errors.ts";
import { temporaryNameFor } from "../kernel/files/atomic-file.ts";
import { compareChannelNames } from "./exr/channel-names.ts";
import { ExrFile } from "./exr/exr-file.ts";
import { EXR_COMPRESSION } from "./exr/header.ts";
import { EXR_LIMITS } from "./exr/limits.ts";
import { type FloatLayout, floatLayout, writeFloatHeader } from "./exr/write-header.ts";
import type { AssembledSpec } from "./types.ts";
import { asWriteFailure } from "./write-beside.ts";

/**
 * Creates the assembled EXR: header, offset table and row headers, with the floats as a sparse hole of zeros.
 *
 * A file that already has this size and these channels is kept with everything pasted into it, so
 * that a resumed job continues. Blocks; `Media.createAssembled` runs it in a worker. Throws DISK_FULL,
 * OUTPUT_NOT_WRITABLE.
 */
export function createAssembled(spec: AssembledSpec): void {
  requireWritable(spec);
  if (isLaidOut(spec)) return;
  const beside = temporaryNameFor(spec.path);
  try {
    layOut(spec, beside);
    renameSync(beside, spec.path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw asWriteFailure(error, spec.path);
  }
}

/** The layout of a file that `createAssembled` made; undefined for any other. */
export function assembledLayoutOf(file: ExrFile): FloatLayout | undefined {
  const [part, ...others] = file.header.parts;
  if (!part || others.length > 0 || file.header.multiPart || part.compression !== EXR_COMPRESSION.none) return undefined;
  if (part.channels.some((channel) => channel.bytesPerValue !== 4)) return undefined;
  const channels = part.channels.map((channel) => channel.name);
  const layout = floatLayout({ width: part.width, height: part.height, channels, headerBytes: file.header.bytes });
  const inPlace =
    file.offsetOf(part, 0) === layout.rowsStart && file.offsetOf(part, part.height - 1) === layout.fileBytes - layout.rowStrideBytes;
  return inPlace && layout.fileBytes === file.bytes ? layout : undefined;
}

/** True when this layout holds a picture of that size with those channels. */
export function fitsSpec(layout: FloatLayout, spec: AssembledSpec): boolean {
  const channels = [...spec.channels].sort(compareChannelNames);
  const sameChannels = channels.length === layout.channels.length && channels.every((name, at) => name === layout.channels[at]);
  return sameChannels && layout.width === spec.width && layout.height === spec.height;
}

/** Specs are our own: an invalid one is a bug, found before an invalid file is made. */
function requireWritable(spec: AssembledSpec): void {
  const sizes = [spec.width, spec.height];
  if (!sizes.every((size) => Number.isInteger(size) && size > 0 && size <= EXR_LIMITS.maxSizePixels))
    throw new RangeError("assembled size out of range");
  const names = new Set(spec.channels);
  if (names.size === 0 || names.size !== spec.channels.length || names.size > EXR_LIMITS.maxChannels)
    throw new RangeError("assembled channels out of range");
}

function isLaidOut(spec: AssembledSpec): boolean {
  if (!existsSync(spec.path)) return false;
  try {
    using file = ExrFile.open(spec.path);
    const layout = assembledLayoutOf(file);
    return layout !== undefined && fitsSpec(layout, spec);
  } catch (error) {
    if (isFarmError(error, "EXR_INVALID")) return false;
    throw asWriteFailure(error, spec.path);
  }
}

function layOut(spec: AssembledSpec, path: string): void {
  const header = writeFloatHeader(spec);
  const layout = floatLayout({ ...spec, headerBytes: header.length });
  const descriptor = openSync(path, "wx");
  try {
    ftruncateSync(descriptor, layout.fileBytes);
    writeAll(descriptor, header, 0);
    writeAll(descriptor, offsetTable(layout), header.length);
    writeRowLeads(descriptor, layout);
    fdatasyncSync(descriptor); // the rename must not reach the disk before the bytes
  } finally {
    closeSync(descriptor);
  }
}

function offsetTable(layout: FloatLayout): Buffer {
  const table = Buffer.allocUnsafe(layout.height * 8);
  for (let row = 0; row < layout.height; row++) table.writeBigUInt64LE(BigInt(layout.rowsStart + row * layout.rowStrideBytes), row * 8);
  return table;
}

function writeRowLeads(descriptor: number, layout: FloatLayout): void {
  const lead = Buffer.allocUnsafe(layout.rowLeadBytes);
  lead.writeInt32LE(layout.rowStrideBytes - layout.rowLeadBytes, 4);
  for (let row = 0; row < layout.height; row++) {
    lead.writeInt32LE(row, 0);
    writeAll(descriptor, lead, layout.rowsStart + row * layout.rowStrideBytes);
  }
}

/** Writes every byte at its position. */
export function writeAll(descriptor: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
}
