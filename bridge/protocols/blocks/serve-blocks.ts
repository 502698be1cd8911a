import { FarmError } from "../../kernel/errors.ts";
import type { Sha256 } from "../../kernel/ids.ts";
import { encodeMessage, readMessage } from "../codec.ts";
import type { FrameStream } from "../frame-stream.ts";
import { peerLimit } from "../peer-limit.ts";
import { type BlockPeer, BLOCKS_LIMITS, type BlocksAnswer, BlocksRequest } from "./messages.ts";
import type { ServedBlocks } from "./ports.ts";

/** A node's decisions about one peer's requests; this protocol only transports. */
export interface ServePolicy {
  /** Whether this peer may have this content; if not, it is answered as missing. */
  mayHave(hash: Sha256): boolean;
  /** The longest range that is sent; default: the protocol's maximum. */
  pieceBytes?(): number | undefined;
  /** For a whole block: peers to redirect to. None: it is sent, and `gave` or `broke` follows. Ranges are always sent. */
  redirect?(hash: Sha256, force: boolean): readonly BlockPeer[] | Promise<readonly BlockPeer[]>;
  /** All bytes of the answer, or of the range of a block, were passed to the network. */
  gave?(hash: Sha256, bytes: number): void;
  /** Sending it failed. */
  broke?(hash: Sha256, error: unknown): void;
}

/**
 * Answers one stream's requests in order until the peer ends it. A peer that breaks a rule or stays
 * silent for `idleTimeoutMs` makes this throw (PEER_BROKE_PROTOCOL, PEER_UNREACHABLE); the stream is never leaked.
 */
export async function serveBlocks(stream: FrameStream, source: ServedBlocks, policy: ServePolicy, signal: AbortSignal): Promise<void> {
  try {
    while (true) {
      const request = await readMessage(
        stream,
        BlocksRequest,
        { maxBytes: BLOCKS_LIMITS.maxRequestBytes, timeoutMs: BLOCKS_LIMITS.idleTimeoutMs },
        signal,
      );
      if (request === undefined) break;
      if (request.type === "have") await answer(stream, await haveBits(request.hashes, source, policy), signal);
      else await serveGet(stream, request, { source, policy }, signal);
    }
    await stream.close();
  } catch (error) {
    stream.abort(error as Error);
    throw error;
  }
}

type Get = Extract<BlocksRequest, { type: "get" }>;

async function serveGet(
  stream: FrameStream,
  request: Get,
  from: { source: ServedBlocks; policy: ServePolicy },
  signal: AbortSignal,
): Promise<void> {
  const { hash } = request;
  const range = from.policy.mayHave(hash) ? rangeOf(request, await from.source.sizeOf(hash)) : undefined;
  if (range === undefined) return await answer(stream, { type: "missing", hash }, signal);
  const policy = range.isBlock ? complete(from.policy) : SILENT;
  const peers = request.offset === undefined && request.length === undefined ? await policy.redirect(hash, request.force === true) : [];
  if (peers.length > 0)
    return await answer(stream, { type: "redirect", hash, peers: peers.slice(0, BLOCKS_LIMITS.maxElsewherePeers) }, signal);
  try {
    const content = await readContent(from.source, { hash, ...range }, signal);
    await give(stream, hash, { content, pieceBytes: pieceBytesFor(request, from.policy) }, signal);
    policy.gave(hash, content.length);
  } catch (error) {
    const isUnreadable = error instanceof Unreadable;
    policy.broke(hash, isUnreadable ? error.cause : error);
    if (!isUnreadable) throw error;
    await answer(stream, { type: "missing", hash }, signal);
  }
}

/** The longest range that both sides accept. */
function pieceBytesFor({ piece }: Get, { pieceBytes }: ServePolicy): number {
  const { maxPieceBytes } = BLOCKS_LIMITS;
  return Math.min(piece ?? maxPieceBytes, pieceBytes?.() ?? maxPieceBytes);
}

type FullPolicy = Required<Omit<ServePolicy, "mayHave" | "pieceBytes">>;

/** For contents larger than a block, which are never redirected. */
const SILENT: FullPolicy = { redirect: () => [], gave() {}, broke() {} };

function complete(policy: ServePolicy): FullPolicy {
  return {
    redirect: (hash, force) => policy.redirect?.(hash, force) ?? [],
    gave: (hash, bytes) => policy.gave?.(hash, bytes),
    broke: (hash, error) => policy.broke?.(hash, error),
  };
}

/** Answers that it is missing, without a reason. */
class Unreadable extends Error {}

async function readContent(
  source: ServedBlocks,
  range: { hash: Sha256; offset: number; length: number },
  signal: AbortSignal,
): Promise<Uint8Array> {
  try {
    return await source.read(range.hash, range.offset, range.length, signal);
  } catch (cause) {
    if (cause instanceof FarmError) throw new Unreadable("a block or file cannot be read", { cause });
    throw cause;
  }
}

async function give(
  stream: FrameStream,
  hash: Sha256,
  { content, pieceBytes }: { readonly content: Uint8Array; readonly pieceBytes: number },
  signal: AbortSignal,
): Promise<void> {
  await answer(stream, { type: "block", hash, bytes: content.length }, signal);
  for (let at = 0; at < content.length; at += pieceBytes) await write(stream, content.subarray(at, at + pieceBytes), signal);
}

/** The requested range; `isBlock` for contents small enough to be one. Undefined when it is missing or the range is not inside it. */
function rangeOf(request: Get, size: number | undefined): { offset: number; length: number; isBlock: boolean } | undefined {
  const offset = request.offset ?? 0;
  if (size === undefined || offset > size) return undefined;
  const length = Math.min(request.length ?? BLOCKS_LIMITS.maxBlockBytes, size - offset);
  return { offset, length, isBlock: size <= BLOCKS_LIMITS.maxBlockBytes };
}

async function haveBits(hashes: readonly Sha256[], source: ServedBlocks, policy: ServePolicy): Promise<BlocksAnswer> {
  let bits = "";
  for (const hash of hashes) bits += policy.mayHave(hash) && (await source.sizeOf(hash)) !== undefined ? "1" : "0";
  return { type: "have", bits };
}

async function answer(stream: FrameStream, message: BlocksAnswer, signal: AbortSignal): Promise<void> {
  await write(stream, encodeMessage(message), signal);
}

/** A peer that reads nothing for `idleTimeoutMs` counts as silent, like one that requests nothing. */
async function write(stream: FrameStream, frame: Uint8Array, parent: AbortSignal): Promise<void> {
  using limit = peerLimit(parent, BLOCKS_LIMITS.idleTimeoutMs, stream.time);
  await stream.write(frame, limit.signal);
}
