import { UnexpectedEndOfData, ByteCursor, utf8 } from "./byte-cursor.ts";
import { compareChannelNames, fullChannelName } from "./channel-names.ts";
import { exrInvalid, quoted } from "./exr-invalid.ts";
import { EXR_LIMITS } from "./limits.ts";
import { type ExrBox, type PartAttributes, readPartAttributes } from "./part-attributes.ts";

export interface ExrChannel {
  /** "Layer.Pass.Chan" or "Layer.Pass.view.Chan", whatever form the file uses. */
  readonly name: string;
  readonly bytesPerValue: 2 | 4;
}

export interface ExrPart {
  readonly index: number;
  /** In the order of their values in a scanline. */
  readonly channels: readonly ExrChannel[];
  readonly compression: number;
  readonly dataWindow: ExrBox;
  readonly displayWindow: ExrBox;
  readonly width: number;
  readonly height: number;
  /** Scanlines in one chunk; the last one may hold fewer. */
  readonly rowsPerChunk: number;
  readonly chunkCount: number;
  /** Bytes of one scanline, all channels, as stored. */
  readonly bytesPerRow: number;
}

export interface ExrHeader {
  readonly multiPart: boolean;
  readonly parts: readonly ExrPart[];
  /** Allowed string attributes; of several parts the first one's. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Where the chunk offset tables start. */
  readonly bytes: number;
}

/** Codes of the `compression` attribute: what this reader decodes. */
export const EXR_COMPRESSION = { none: 0, zips: 2, zip: 3 } as const;

const MAGIC = 20_000_630;
const FLAGS = { tiled: 0x200, longNames: 0x400, deep: 0x800, multiPart: 0x1000 } as const;
const ROWS_PER_CHUNK: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256 };

/**
 * Parses the headers of a scanline EXR, single-part or multi-part, with every number bounded.
 *
 * Throws EXR_INVALID; throws `BytesEnded` when `bytes` is too short to contain the headers.
 * Layout: https://openexr.com/en/latest/OpenEXRFileLayout.html
 */
export function parseExrHeader(bytes: Uint8Array): ExrHeader {
  const cursor = new ByteCursor(bytes);
  const multiPart = readVersion(cursor);
  const attributes = new Map<string, string>();
  const parts: ExrPart[] = [];
  do {
    if (parts.length === EXR_LIMITS.maxParts) throw exrInvalid(`more than ${EXR_LIMITS.maxParts} parts`);
    const read = readPartAttributes(cursor);
    parts.push(makePart(read, parts.length, multiPart));
    for (const [name, value] of read.kept) if (!attributes.has(name)) attributes.set(name, utf8(value));
  } while (multiPart && peekByte(bytes, cursor.position) !== 0);
  if (multiPart) cursor.byte();
  checkTotals(parts);
  return { multiPart, parts, attributes: Object.fromEntries(attributes), bytes: cursor.position };
}

/** All channel names of all parts, in EXR's order. */
export function channelNames(header: ExrHeader): string[] {
  return header.parts.flatMap((part) => part.channels.map((channel) => channel.name)).sort(compareChannelNames);
}

function peekByte(bytes: Uint8Array, position: number): number {
  const byte = bytes[position];
  if (byte === undefined) throw new UnexpectedEndOfData();
  return byte;
}

/** @returns whether the file has several parts. */
function readVersion(cursor: ByteCursor): boolean {
  if (cursor.uint32() !== MAGIC) throw exrInvalid("not an EXR file");
  const version = cursor.uint32();
  const flags = version & ~0xff;
  if ((version & 0xff) !== 2) throw exrInvalid("an EXR version other than 2");
  if (flags & FLAGS.tiled) throw exrInvalid("it is tiled; only scanlines are supported");
  if (flags & FLAGS.deep) throw exrInvalid("it holds deep data");
  if (flags & ~(FLAGS.longNames | FLAGS.multiPart)) throw exrInvalid("unknown version flags");
  return (flags & FLAGS.multiPart) !== 0;
}

function makePart(read: PartAttributes, index: number, multiPart: boolean): ExrPart {
  const { channels, compression, dataWindow, displayWindow } = read;
  if (!channels || compression === undefined || !dataWindow || !displayWindow) throw exrInvalid("a required attribute is missing");
  requirePartKind(read, multiPart);
  const { width, height } = sizeOf(dataWindow);
  const rowsPerChunk = ROWS_PER_CHUNK[compression];
  if (rowsPerChunk === undefined) throw exrInvalid(`unknown compression ${compression}`);
  const chunkCount = Math.ceil(height / rowsPerChunk);
  if (read.chunkCount !== undefined && read.chunkCount !== chunkCount) throw exrInvalid("the chunk count does not fit the height");
  const naming = { part: multiPart ? read.name : undefined, view: read.view };
  return {
    index,
    channels: channels.map((channel) => ({ name: fullChannelName(channel.name, naming), bytesPerValue: channel.bytesPerValue })),
    compression,
    dataWindow,
    displayWindow,
    width,
    height,
    rowsPerChunk,
    chunkCount,
    bytesPerRow: channels.reduce((sum, channel) => sum + channel.bytesPerValue * width, 0),
  };
}

function requirePartKind(read: PartAttributes, multiPart: boolean): void {
  if (multiPart && (read.name === undefined || read.type === undefined)) throw exrInvalid("a part has no name or no type");
  if (read.type !== undefined && read.type !== "scanlineimage")
    throw exrInvalid(`a part is ${quoted(read.type)}, only scanlineimage is supported`);
}

function sizeOf(box: ExrBox): { readonly width: number; readonly height: number } {
  const width = box.xMax - box.xMin + 1;
  const height = box.yMax - box.yMin + 1;
  const far = Math.max(Math.abs(box.xMin), Math.abs(box.yMin), width, height);
  if (width < 1 || height < 1 || far > EXR_LIMITS.maxSizePixels) throw exrInvalid("its data window is invalid", { width, height });
  return { width, height };
}

function checkTotals(parts: readonly ExrPart[]): void {
  const names = parts.flatMap((part) => part.channels.map((channel) => channel.name));
  if (names.length > EXR_LIMITS.maxChannels) throw exrInvalid(`more than ${EXR_LIMITS.maxChannels} channels`);
  if (new Set(names).size !== names.length) throw exrInvalid("two channels have the same name");
  const tooLong = names.find((name) => Buffer.byteLength(name) > EXR_LIMITS.maxNameBytes);
  if (tooLong !== undefined) throw exrInvalid(`the channel name ${quoted(tooLong)} is too long`);
  const chunks = parts.reduce((sum, part) => sum + part.chunkCount, 0);
  if (chunks > EXR_LIMITS.maxChunks) throw exrInvalid(`more than ${EXR_LIMITS.maxChunks} chunks`);
}
