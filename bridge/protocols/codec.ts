import type { z } from "zod";
import { FarmError } from "../kernel/errors.ts";
import type { FrameStream } from "./frame-stream.ts";
import { peerLimit } from "./peer-limit.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** One JSON message as a frame. */
export function encodeMessage(message: object): Uint8Array {
  return encoder.encode(JSON.stringify(message));
}

/** Parses a frame of a peer. Throws PEER_BROKE_PROTOCOL; the message does not contain the peer's text. */
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
  throw new FarmError("PEER_BROKE_PROTOCOL", `a message does not match its schema${where ? ` at ${where}` : ""}`, { cause: parsed.error });
}

/**
 * Writes one message. A peer that reads nothing for `timeoutMs` is PEER_UNREACHABLE, also for a pending read:
 * the stream is aborted.
 */
export async function writeMessage(stream: FrameStream, message: object, timeoutMs: number, parent: AbortSignal): Promise<void> {
  using limit = peerLimit(parent, timeoutMs, stream.time);
  try {
    await stream.write(encodeMessage(message), limit.signal);
  } catch (error) {
    if (limit.signal.aborted && !parent.aborted) stream.abort(limit.signal.reason as Error);
    throw error;
  }
}

/**
 * Reads and parses one message; undefined when the far side has ended its writing. Throws PEER_UNREACHABLE when nothing
 * comes within `timeoutMs`, PEER_BROKE_PROTOCOL.
 */
export async function readMessage<T>(
  stream: FrameStream,
  schema: z.ZodType<T>,
  limits: { maxBytes: number; timeoutMs: number },
  parent: AbortSignal,
): Promise<T | undefined> {
  using limit = peerLimit(parent, limits.timeoutMs, stream.time);
  const frame = await stream.read(limit.signal);
  return frame === undefined ? undefined : decodeMessage(schema, frame, limits.maxBytes);
}
