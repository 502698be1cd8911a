import { FarmError } from "../../kernel/errors.ts";
import { BLOCKS_LIMITS } from "./messages.ts";

/** The maximum that a single wait counts: a longer one ends as silence, or is time in which this process was suspended. */
const MOST_PER_WAIT_MS = BLOCKS_LIMITS.idleTimeoutMs;

/** Ranges are chosen to take this long at the current pace: the link may become ten times slower before one times out. */
const PIECE_MS = BLOCKS_LIMITS.idleTimeoutMs / 10;

/**
 * The speed of a transfer. It may continue as long as every `rateWindowMs` of waiting has `minBytesPerSecond` on
 * average [B14]. Only time spent waiting for the peer counts, not that of our own disk.
 */
export class TransferPace {
  #waitedMs = 0;
  #bytes = 0;
  #allBytes = 0;
  #allWaitedMs = 0;

  /** The range to request now, up to the given maximum. */
  get pieceBytes(): number {
    const fitting = this.#allBytes === 0 ? 0 : (this.#allBytes / Math.max(1, this.#allWaitedMs)) * PIECE_MS;
    return Math.floor(Math.min(BLOCKS_LIMITS.maxPieceBytes, Math.max(BLOCKS_LIMITS.firstPieceBytes, fitting)));
  }

  /** `bytes` came after a wait of `waitedMs`. Throws PEER_UNREACHABLE when they are too few. */
  passed(bytes: number, waitedMs: number): void {
    const { rateWindowMs, minBytesPerSecond } = BLOCKS_LIMITS;
    const countedMs = Math.min(waitedMs, MOST_PER_WAIT_MS);
    this.#bytes += bytes;
    this.#waitedMs += countedMs;
    this.#allBytes += bytes;
    this.#allWaitedMs += countedMs;
    if (this.#waitedMs < rateWindowMs) return;
    const bytesPerSecond = Math.round((this.#bytes / this.#waitedMs) * 1_000);
    this.#bytes = 0;
    this.#waitedMs = 0;
    if (bytesPerSecond >= minBytesPerSecond) return;
    throw new FarmError("PEER_UNREACHABLE", `the peer sent ${bytesPerSecond} bytes per second, less than ${minBytesPerSecond}`, {
      facts: { bytesPerSecond, minBytesPerSecond },
    });
  }
}
