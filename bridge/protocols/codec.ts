import type { z } from "zod";
import { childSignal } from "../kernel/abort.ts";
import { FarmError } from "../kernel/errors.ts";
import type { FrameStream } from "./frame-stream.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** One JSON message as a frame. */
export function encodeMessage(message: object): Uint8Array {
  return encoder.encode(JSON.stringify(message));
}

/** Parses a frame a peer sent. Throws PEER_BROKE_PROTOCOL; the peer's own text stays out of the message. */
export function decodeMessage<T>(schema: z.ZodType<T>, frame: Uint8Array, maxBytes: number): T {
  if (frame.byteLength > maxBytes)
    throw new FarmError("PEER_BROKE_PROTOCOL", `a message of ${frame.byteLength} bytes is over the limit of ${maxBytes}`);
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(frame));
  } catch (cause) {
    throw new FarmError("PEER_BROKE_PROTOCOL", "a message is not JSON", { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join(".") ?? "";
  throw new FarmError("PEER_BROKE_PROTOCOL", `a message breaks its schema${where ? ` at ${where}` : ""}`, { cause: parsed.error });
}

/** Reads and parses one message within `timeoutMs`; undefined when the far side has ended its writing. */
export async function readMessage<T>(
  stream: FrameStream,
  schema: z.ZodType<T>,
  limits: { maxBytes: number; timeoutMs: number },
  parent: AbortSignal,
): Promise<T | undefined> {
  using child = childSignal(parent, limits.timeoutMs);
  const frame = await stream.read(child.signal);
  return frame === undefined ? undefined : decodeMessage(schema, frame, limits.maxBytes);
}
