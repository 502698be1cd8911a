import { FarmError } from "../../kernel/errors.ts";
import { readMessage, writeMessage } from "../codec.ts";
import type { FrameStream } from "../frame-stream.ts";
import { peerLimit } from "../peer-limit.ts";
import { BLOCKS_LIMITS, BlocksAnswer, type BlocksRequest } from "./messages.ts";
import type { TransferPace } from "./transfer-pace.ts";

export async function sendRequest(stream: FrameStream, request: BlocksRequest, parent: AbortSignal): Promise<void> {
  await writeMessage(stream, request, BLOCKS_LIMITS.idleTimeoutMs, parent);
}

/** The next answer's header. Throws PEER_UNREACHABLE when the peer ended the stream or is silent, PEER_BROKE_PROTOCOL. */
export async function readAnswer(stream: FrameStream, signal: AbortSignal): Promise<BlocksAnswer> {
  const limits = { maxBytes: BLOCKS_LIMITS.maxHeaderBytes, timeoutMs: BLOCKS_LIMITS.idleTimeoutMs };
  const answer = await readMessage(stream, BlocksAnswer, limits, signal);
  if (answer === undefined) throw new FarmError("PEER_UNREACHABLE", "the peer ended the stream before its answer");
  return answer;
}

/**
 * The bulk frames of an answer, `bytes` in total. Memory is allocated only for the requested range. Throws
 * PEER_UNREACHABLE when the peer ends, is silent or is slower than `pace`, and PEER_BROKE_PROTOCOL.
 */
export async function readBulk(
  stream: FrameStream,
  { bytes, pace }: { readonly bytes: number; readonly pace: Pick<TransferPace, "passed"> },
  parent: AbortSignal,
): Promise<Uint8Array> {
  const { clock } = stream.time;
  const content = new Uint8Array(bytes);
  for (let filled = 0; filled < bytes; ) {
    using limit = peerLimit(parent, BLOCKS_LIMITS.idleTimeoutMs, stream.time);
    const startMs = clock.monotonicMs();
    const piece = await stream.read(limit.signal);
    if (piece === undefined) throw new FarmError("PEER_UNREACHABLE", "the peer ended the stream inside a block");
    if (piece.length === 0 || piece.length > bytes - filled)
      throw new FarmError("PEER_BROKE_PROTOCOL", "a bulk frame is longer than its answer");
    pace.passed(piece.length, clock.monotonicMs() - startMs);
    content.set(piece, filled);
    filled += piece.length;
  }
  return content;
}
