import { compareChannelNames, withoutComposite } from "./exr/channel-names.ts";
import { ExrFile } from "./exr/exr-file.ts";
import { exrInvalid, quoted } from "./exr/exr-invalid.ts";
import { channelNames } from "./exr/header.ts";
import { forEachBlock } from "./exr/scanlines.ts";
import type { FloatExpectation, FloatSummary } from "./types.ts";

/**
 * The structural gate: decodes every pixel of a result once, without keeping any.
 *
 * Size, rectangle and channels are checked before the first chunk is read. Blocks; `Media.check` runs
 * it in a worker. Throws EXR_INVALID with the reason.
 */
export function checkFloatResult(path: string, expectation: FloatExpectation): FloatSummary {
  using file = ExrFile.open(path, expectation.maxBytes);
  const { width, height } = file;
  if (width !== expectation.width || height !== expectation.height) {
    throw exrInvalid(`it is ${width}x${height} pixels, ${expectation.width}x${expectation.height} were requested`);
  }
  const all = channelNames(file.header);
  if (width * height * all.length * 4 > expectation.maxBytes)
    throw exrInvalid(`${all.length} channels are too much for ${expectation.maxBytes} bytes`);
  const channels = withoutComposite(all);
  if (expectation.channels) requireSameChannels(channels, expectation.channels);
  let nonFinite = 0;
  forEachBlock(file, ({ bytes }) => {
    nonFinite += countNonFinite(bytes);
  });
  return { channels, attributes: file.header.attributes, nonFinite };
}

function requireSameChannels(found: readonly string[], expected: readonly string[]): void {
  const missing = expected.filter((name) => !found.includes(name)).sort(compareChannelNames);
  const extra = found.filter((name) => !expected.includes(name));
  if (missing.length > 0)
    throw exrInvalid(`it lacks the channel ${quoted(missing[0] ?? "")}`, { missing: missing.length, extra: extra.length });
  if (extra.length > 0)
    throw exrInvalid(`it has a channel ${quoted(extra[0] ?? "")} that was not requested`, { missing: 0, extra: extra.length });
}

function countNonFinite(bytes: Uint8Array): number {
  const bits = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  let count = 0;
  for (let i = 0; i < bits.length; i++) {
    if (((bits[i] as number) & 0x7f800000) === 0x7f800000) count++;
  }
  return count;
}
