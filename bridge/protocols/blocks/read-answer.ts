import { childSignal } from "../../kernel/abort.ts";
import { FarmError } from "../../kernel/errors.ts";
import { encodeMessage, readMessage } from "../codec.ts";
import type { FrameStream } from "../frame-stream.ts";
import { BLOCKS_LIMITS, BlocksAnswer, type BlocksRequest } from "./messages.ts";

export async function sendRequest(stream: FrameStream, request: BlocksRequest, parent: AbortSignal): Promise<void> {
  using child = childSignal(parent, BLOCKS_LIMITS.idleTimeoutMs);
  await stream.write(encodeMessage(request), child.signal);
}

/** The next answer's header. Throws PEER_UNREACHABLE when the peer ended instead, PEER_BROKE_PROTOCOL, TimeoutError. */
export async function readAnswer(stream: FrameStream, signal: AbortSignal): Promise<BlocksAnswer> {
  const limits = { maxBytes: BLOCKS_LIMITS.maxHeaderBytes, timeoutMs: BLOCKS_LIMITS.idleTimeoutMs };
  const answer = await readMessage(stream, BlocksAnswer, limits, signal);
  if (answer === undefined) throw new FarmError("PEER_UNREACHABLE", "the peer ended the stream with an answer owed");
  return answer;
}

/** The bulk frames of an answer, `bytes` in all. Memory is taken only for what was agreed on before. */
export async function readBulk(stream: FrameStream, bytes: number, parent: AbortSignal): Promise<Uint8Array> {
  const content = new Uint8Array(bytes);
  for (let filled = 0; filled < bytes; ) {
    using child = childSignal(parent, BLOCKS_LIMITS.idleTimeoutMs);
    const piece = await stream.read(child.signal);
    if (piece === undefined) throw new FarmError("PEER_UNREACHABLE", "the peer ended the stream inside a block");
    if (piece.length === 0 || piece.length > bytes - filled)
      throw new FarmError("PEER_BROKE_PROTOCOL", "a bulk frame does not fit the answer");
    content.set(piece, filled);
    filled += piece.length;
  }
  return content;
}
