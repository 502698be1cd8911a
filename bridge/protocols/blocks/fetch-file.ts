import { createHash, type Hash } from "node:crypto";
import type { OpenFile } from "../../kernel/disk.ts";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import type { Sha256 } from "../../kernel/ids.ts";
import type { Time, World } from "../../kernel/world.ts";
import type { FrameStream } from "../frame-stream.ts";
import { peerLimit } from "../peer-limit.ts";
import { BLOCKS_LIMITS, type BlocksAnswer } from "./messages.ts";
import { acquirePart } from "./part-names.ts";
import { TransferPace } from "./transfer-pace.ts";
import { readAnswer, readBulk, sendRequest } from "./read-answer.ts";

export interface FetchContentRequest {
  readonly world: Time;
  readonly hash: Sha256;
  /** The announced size; no more is requested. */
  readonly bytes: number;
  /** Opens a stream of BLOCKS_PROTOCOL to the peer that has it. */
  readonly open: (signal: AbortSignal) => Promise<FrameStream>;
  /** The longest range to request; default: what suits the link. */
  readonly pieceBytes?: number | undefined;
}

/**
 * Fetches a file of any size: ranges into `<toPath>.part`, hashed on the way, verified
 * at the end, renamed into place. A `.part` of an earlier attempt is continued. Several fetches to one path may run
 * at once, each with its own part; the last to end is kept.
 * Throws BLOCK_MISSING, BLOCK_CORRUPT (the part is removed), PEER_BROKE_PROTOCOL, PEER_UNREACHABLE (also when the peer is
 * silent or too slow), DISK_FULL.
 */
export async function fetchFile(
  request: FetchContentRequest & { readonly world: Pick<World, "disk">; readonly toPath: string },
  signal: AbortSignal,
  onBytes: (bytesDone: number) => void = () => {},
): Promise<void> {
  checkSize(request.bytes, BLOCKS_LIMITS.maxContentBytes);
  const { disk } = request.world;
  using part = acquirePart(request.toPath);
  try {
    await fillPart(part.path, request, { signal, onBytes });
  } catch (error) {
    if (isFarmError(error, "BLOCK_CORRUPT")) await disk.rm(part.path, { force: true });
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw new FarmError("DISK_FULL", "the disk is full", { cause: error });
    throw error;
  }
  await disk.rename(part.path, request.toPath);
}

/** Fetches a small content (a manifest) into memory; `maxBytes` is the caller's limit. Errors as `fetchFile`. */
export async function fetchBytes(request: FetchContentRequest & { readonly maxBytes: number }, signal: AbortSignal): Promise<Uint8Array> {
  checkSize(request.bytes, Math.min(request.maxBytes, BLOCKS_LIMITS.maxContentBytes));
  const hash = createHash("sha256");
  const content = new Uint8Array(request.bytes);
  let filled = 0;
  for await (const range of ranges(request, 0, signal)) {
    hash.update(range);
    content.set(range, filled);
    filled += range.length;
  }
  checkHash(hash, request.hash);
  return content;
}

async function fillPart(
  part: string,
  request: FetchContentRequest & { readonly world: Pick<World, "disk"> },
  work: { readonly signal: AbortSignal; readonly onBytes: (bytesDone: number) => void },
): Promise<void> {
  await using file = await request.world.disk.open(part, "own", 0o600);
  const { hash, bytes } = await hashPart(file, request.bytes, work.signal);
  let filled = bytes;
  work.onBytes(filled);
  for await (const range of ranges(request, filled, work.signal)) {
    hash.update(range);
    await writeAt(file, range, filled);
    filled += range.length;
    work.onBytes(filled);
  }
  checkHash(hash, request.hash);
  await file.sync();
}

/** Writes all of `bytes`: one call may write less. */
async function writeAt(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
}

/** The part of an earlier attempt; one longer than the announced size is discarded. */
async function hashPart(file: OpenFile, most: number, signal: AbortSignal): Promise<{ hash: Hash; bytes: number }> {
  const hash = createHash("sha256");
  const { size } = await file.stat();
  if (size > most) await file.truncate(0);
  const buffer = new Uint8Array(BLOCKS_LIMITS.maxPieceBytes);
  for (let at = 0; ; ) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return { hash, bytes: at };
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/** The ranges from `from` to the end, in order, with `maxOutstanding` requested ahead. */
async function* ranges(request: FetchContentRequest, from: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  if (from >= request.bytes) return;
  const stream = await openInTime(request, signal);
  let failure: Error | undefined = new Error("the reader has ended");
  const pace = new TransferPace();
  try {
    let askedTo = from;
    for (let at = from; at < request.bytes; ) {
      askedTo = await askAhead(stream, request, { at, askedTo, piece: request.pieceBytes ?? pace.pieceBytes }, signal);
      const bytes = checkAnswer(await readAnswer(stream, signal), request, at);
      yield await readBulk(stream, { bytes, pace }, signal);
      at += bytes;
    }
    failure = undefined;
    await stream.close();
  } catch (error) {
    failure = error as Error;
    throw error;
  } finally {
    if (failure) stream.abort(failure);
  }
}

/** Requests the ranges after `askedTo` while few enough are outstanding; returns the end of the requested ranges. */
async function askAhead(
  stream: FrameStream,
  request: FetchContentRequest,
  from: { readonly at: number; readonly askedTo: number; readonly piece: number },
  signal: AbortSignal,
): Promise<number> {
  const end = Math.min(request.bytes, from.at + BLOCKS_LIMITS.maxOutstanding * BLOCKS_LIMITS.maxBlockBytes);
  let offset = from.askedTo;
  for (; offset < end; offset += BLOCKS_LIMITS.maxBlockBytes) {
    const range = { hash: request.hash, offset, length: lengthAt(offset, request.bytes) };
    await sendRequest(stream, { type: "get", ...range, force: true, piece: from.piece }, signal);
  }
  return offset;
}

/** How many bytes follow: those requested at `at`, or it throws. */
function checkAnswer(answer: BlocksAnswer, request: FetchContentRequest, at: number): number {
  if (answer.type === "have" || answer.hash !== request.hash)
    throw new FarmError("PEER_BROKE_PROTOCOL", "an answer does not match its request");
  if (answer.type !== "block") throw new FarmError("BLOCK_MISSING", "the peer does not have this file", { facts: { hash: request.hash } });
  if (answer.bytes !== lengthAt(at, request.bytes)) throw corrupt(request.hash, "does not have the announced size");
  return answer.bytes;
}

async function openInTime(request: FetchContentRequest, parent: AbortSignal): Promise<FrameStream> {
  using limit = peerLimit(parent, BLOCKS_LIMITS.openTimeoutMs, request.world);
  return await request.open(limit.signal);
}

function lengthAt(offset: number, bytes: number): number {
  return Math.min(BLOCKS_LIMITS.maxBlockBytes, bytes - offset);
}

function checkSize(bytes: number, most: number): void {
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > most)
    throw new FarmError("PEER_BROKE_PROTOCOL", `a file of ${bytes} bytes is over the limit of ${most}`);
}

function checkHash(hash: Hash, wanted: Sha256): void {
  if (hash.digest("hex") !== wanted) throw corrupt(wanted, "does not match its hash");
}

function corrupt(hash: Sha256, what: string): FarmError {
  return new FarmError("BLOCK_CORRUPT", `a file from a peer ${what}`, { facts: { hash } });
}
