import { z } from "zod";
import { Sha256 } from "../../core/sha256.ts";

export const BLOCKS_PROTOCOL = "/p2p-render/blocks/1.0.0";

/** Limits on every number that a hostile or broken peer sends. Used by the rules B1 and following in SPEC.md. */
export const BLOCKS_LIMITS = {
  maxRequestBytes: 64 * 1024,
  maxHeaderBytes: 64 * 1024,
  /** One bulk frame. */
  maxPieceBytes: 1024 * 1024,
  /** The smallest range to request. */
  minPieceBytes: 16 * 1024,
  /** Range to request until the link is known to be fast: a longer one would time out on a link that is just fast enough. */
  firstPieceBytes: 128 * 1024,
  /** A scene block; also the longest range of one request. */
  maxBlockBytes: 4 * 1024 * 1024,
  /** A file fetched by ranges: a result file, a manifest. */
  maxContentBytes: 64 * 1024 ** 3,
  /** 900 hashes fit `maxRequestBytes`. */
  maxHaveHashes: 900,
  maxElsewherePeers: 8,
  maxAddressesPerPeer: 8,
  maxAddressChars: 256,
  /** Requests sent and not yet answered, on one stream. */
  maxOutstanding: 4,
  maxInboundStreamsPerPeer: 4,
  /** Limit between two frames of an answer, and between two requests. */
  idleTimeoutMs: 30_000,
  openTimeoutMs: 10_000,
  /** A transfer that is slower on average in any such window is ended: a link of 1 Mbit/s shared by thirty is faster. */
  minBytesPerSecond: 4 * 1024,
  rateWindowMs: 60_000,
  /** Donors used at once, beside the requester. */
  maxParallelPeers: 8,
  /** How often one peer may get one block: more is not recovery but waste. */
  maxGivesPerBlock: 8,
} as const;

export const BlocksRequest = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("get"),
    hash: Sha256,
    offset: z.int().min(0).max(BLOCKS_LIMITS.maxContentBytes).optional(),
    length: z.int().min(1).max(BLOCKS_LIMITS.maxBlockBytes).optional(),
    /** The longest range that the peer accepts: on a slow link a long one would time out. */
    piece: z.int().min(BLOCKS_LIMITS.minPieceBytes).max(BLOCKS_LIMITS.maxPieceBytes).optional(),
    /** Forces the answer after the named peers did not send the block. */
    force: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal("have"), hashes: z.array(Sha256).min(1).max(BLOCKS_LIMITS.maxHaveHashes) }),
]);
export type BlocksRequest = z.infer<typeof BlocksRequest>;

/** A peer that may have a block, by its id and its multiaddrs (each ending in /p2p/<id>; none when only the id is known): a hint; the block is verified by its hash. */
export const BlockPeer = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9]{8,128}$/u),
  addrs: z
    .array(
      z
        .string()
        .max(BLOCKS_LIMITS.maxAddressChars)
        .regex(/^\/[\x21-\x7e]+$/u),
    )
    .max(BLOCKS_LIMITS.maxAddressesPerPeer)
    .readonly(),
});
export type BlockPeer = Readonly<z.infer<typeof BlockPeer>>;

export const BlocksAnswer = z.discriminatedUnion("type", [
  /** `bytes` bytes follow in bulk frames. */
  z.strictObject({ type: z.literal("block"), hash: Sha256, bytes: z.int().min(0).max(BLOCKS_LIMITS.maxBlockBytes) }),
  z.strictObject({
    type: z.literal("redirect"),
    hash: Sha256,
    peers: z.array(BlockPeer).min(1).max(BLOCKS_LIMITS.maxElsewherePeers).readonly(),
  }),
  z.strictObject({ type: z.literal("missing"), hash: Sha256 }),
  /** One character per queried hash, "1" if it is available. */
  z.strictObject({
    type: z.literal("have"),
    bits: z
      .string()
      .regex(/^[01]+$/u)
      .max(BLOCKS_LIMITS.maxHaveHashes),
  }),
]);
export type BlocksAnswer = z.infer<typeof BlocksAnswer>;
