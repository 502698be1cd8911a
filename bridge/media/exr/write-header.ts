import { compareChannelNames } from "./channel-names.ts";

/** The layout of an uncompressed single-part float file, in which the offset of every value is known. */
export interface FloatLayout {
  readonly width: number;
  readonly height: number;
  /** In EXR's order. */
  readonly channels: readonly string[];
  readonly headerBytes: number;
  /** Offset of row 0, the top one, with its row number and size. */
  readonly rowsStart: number;
  readonly rowLeadBytes: number;
  readonly rowStrideBytes: number;
  readonly fileBytes: number;
}

/** Bytes before a scanline's values: its row number and its size. */
const ROW_LEAD_BYTES = 8;

export function floatLayout(picture: {
  readonly width: number;
  readonly height: number;
  readonly channels: readonly string[];
  readonly headerBytes: number;
}): FloatLayout {
  const { width, height, channels, headerBytes } = picture;
  const rowStrideBytes = ROW_LEAD_BYTES + width * channels.length * 4;
  const rowsStart = headerBytes + height * 8;
  return {
    width,
    height,
    channels,
    headerBytes,
    rowsStart,
    rowLeadBytes: ROW_LEAD_BYTES,
    rowStrideBytes,
    fileBytes: rowsStart + height * rowStrideBytes,
  };
}

/** File position of a value's row segment: `row` from the top, `column` from the left. */
export function valuePosition(layout: FloatLayout, row: number, channel: number, column: number): number {
  return layout.rowsStart + row * layout.rowStrideBytes + layout.rowLeadBytes + (channel * layout.width + column) * 4;
}

/** Makes the header of a single-part float32 scanline EXR without compression. */
export function writeFloatHeader(picture: {
  readonly width: number;
  readonly height: number;
  readonly channels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}): Buffer {
  const channels = [...picture.channels].sort(compareChannelNames);
  const window = Buffer.concat([int32(0), int32(0), int32(picture.width - 1), int32(picture.height - 1)]);
  const attributes: [name: string, type: string, value: Buffer][] = [
    ["channels", "chlist", Buffer.concat([...channels.map(floatChannel), Buffer.alloc(1)])],
    ["compression", "compression", Buffer.alloc(1)],
    ["dataWindow", "box2i", window],
    ["displayWindow", "box2i", window],
    ["lineOrder", "lineOrder", Buffer.alloc(1)],
    ["pixelAspectRatio", "float", float(1)],
    ["screenWindowCenter", "v2f", Buffer.alloc(8)],
    ["screenWindowWidth", "float", float(1)],
    ...Object.entries(picture.attributes).map(([name, value]): [string, string, Buffer] => [name, "string", Buffer.from(value)]),
  ];
  const names = [...channels, ...attributes.map(([name]) => name)];
  const longNames = names.some((name) => Buffer.byteLength(name) > 31) ? 0x400 : 0;
  const parts = attributes.flatMap(([name, type, value]) => [text(name), text(type), int32(value.length), value]);
  return Buffer.concat([int32(20_000_630), int32(2 | longNames), ...parts, Buffer.alloc(1)]);
}

function floatChannel(name: string): Buffer {
  return Buffer.concat([text(name), int32(2), int32(0), int32(1), int32(1)]);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function float(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}
