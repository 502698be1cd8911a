import { UnexpectedEndOfData, ByteCursor, utf8 } from "./byte-cursor.ts";
import { compareChannelNames } from "./channel-names.ts";
import { exrInvalid, quoted } from "./exr-invalid.ts";
import { EXR_LIMITS } from "./limits.ts";

/** Inclusive on all sides, y down. */
export interface ExrBox {
  readonly xMin: number;
  readonly yMin: number;
  readonly xMax: number;
  readonly yMax: number;
}

export interface StoredChannel {
  readonly name: string;
  readonly bytesPerValue: 2 | 4;
}

/** The attributes of one header, before validation as a whole. */
export interface PartAttributes {
  channels?: readonly StoredChannel[];
  compression?: number;
  dataWindow?: ExrBox;
  displayWindow?: ExrBox;
  chunkCount?: number;
  name?: string;
  type?: string;
  view?: string;
  /** Allowed strings, undecoded. */
  readonly kept: Map<string, Uint8Array>;
}

/** Only these string attributes are copied: cryptomatte's tables (never its side files) and Cycles' metadata. */
const KEPT = /^(?:cryptomatte\/[0-9a-f]{1,16}\/(?:name|hash|conversion|manifest)|cycles\..{1,240})$/u;

type Reader = (bytes: Uint8Array, into: PartAttributes) => void;

/** The attributes that are read, with their required types; others are skipped. */
const READERS: Readonly<Record<string, { readonly type: string; readonly read: Reader }>> = {
  channels: { type: "chlist", read: (bytes, into) => (into.channels = readChannels(bytes)) },
  compression: { type: "compression", read: (bytes, into) => (into.compression = ended(bytes, (cursor) => cursor.byte())) },
  dataWindow: { type: "box2i", read: (bytes, into) => (into.dataWindow = readBox(bytes)) },
  displayWindow: { type: "box2i", read: (bytes, into) => (into.displayWindow = readBox(bytes)) },
  chunkCount: { type: "int", read: (bytes, into) => (into.chunkCount = ended(bytes, (cursor) => cursor.int32())) },
  name: { type: "string", read: (bytes, into) => (into.name = shortText(bytes)) },
  type: { type: "string", read: (bytes, into) => (into.type = shortText(bytes)) },
  view: { type: "string", read: (bytes, into) => (into.view = shortText(bytes)) },
};

/** Reads one header up to its end mark. Throws EXR_INVALID, or `BytesEnded` when more bytes may help. */
export function readPartAttributes(cursor: ByteCursor): PartAttributes {
  const part: PartAttributes = { kept: new Map() };
  const seen = new Set<string>();
  for (let name = cursor.name(); name !== ""; name = cursor.name()) {
    if (seen.has(name)) throw exrInvalid(`the attribute ${quoted(name)} stands twice`);
    if (seen.size === EXR_LIMITS.maxAttributesPerPart) throw exrInvalid(`more than ${EXR_LIMITS.maxAttributesPerPart} attributes`);
    seen.add(name);
    const type = cursor.name();
    const size = cursor.int32();
    if (size < 0 || size > EXR_LIMITS.maxHeaderBytes) throw exrInvalid(`the attribute ${quoted(name)} has an impossible size`);
    readAttribute({ name, type, bytes: cursor.take(size) }, part);
  }
  return part;
}

function readAttribute(
  attribute: { readonly name: string; readonly type: string; readonly bytes: Uint8Array },
  part: PartAttributes,
): void {
  const { name, type, bytes } = attribute;
  const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
  if (reader) {
    if (type !== reader.type) throw exrInvalid(`the attribute ${name} has the wrong type`);
    reader.read(bytes, part);
  } else if (type === "string" && KEPT.test(name)) {
    if (bytes.length > EXR_LIMITS.maxStringBytes) throw exrInvalid(`the attribute ${quoted(name)} is too long`);
    part.kept.set(name, bytes);
  }
}

function readChannels(bytes: Uint8Array): StoredChannel[] {
  return ended(bytes, (cursor) => {
    const channels: StoredChannel[] = [];
    for (let name = cursor.name(); name !== ""; name = cursor.name()) {
      if (channels.length === EXR_LIMITS.maxChannels) throw exrInvalid(`more than ${EXR_LIMITS.maxChannels} channels`);
      const previous = channels.at(-1);
      if (previous && compareChannelNames(previous.name, name) >= 0) throw exrInvalid("its channels are not in order");
      channels.push({ name, bytesPerValue: readChannelType(cursor, name) });
    }
    if (channels.length === 0) throw exrInvalid("it has no channels");
    return channels;
  });
}

function readChannelType(cursor: ByteCursor, name: string): 2 | 4 {
  const type = cursor.int32();
  cursor.take(4); // pLinear and three reserved bytes: hints for lossy codecs
  if (cursor.int32() !== 1 || cursor.int32() !== 1) throw exrInvalid(`the channel ${quoted(name)} is subsampled`);
  if (type === 1) return 2;
  if (type === 2) return 4;
  throw exrInvalid(`the channel ${quoted(name)} is neither half nor float`);
}

function readBox(bytes: Uint8Array): ExrBox {
  return ended(bytes, (cursor) => ({ xMin: cursor.int32(), yMin: cursor.int32(), xMax: cursor.int32(), yMax: cursor.int32() }));
}

function shortText(bytes: Uint8Array): string {
  if (bytes.length > EXR_LIMITS.maxNameBytes) throw exrInvalid("a part's name, type or view is too long");
  return utf8(bytes);
}

/** An attribute's value must have exactly its size, whatever follows in the file. */
function ended<T>(bytes: Uint8Array, read: (cursor: ByteCursor) => T): T {
  const cursor = new ByteCursor(bytes);
  try {
    const value = read(cursor);
    if (cursor.left > 0) throw exrInvalid("an attribute is longer than its value");
    return value;
  } catch (error) {
    throw error instanceof UnexpectedEndOfData ? exrInvalid("an attribute is shorter than its value") : error;
  }
}
