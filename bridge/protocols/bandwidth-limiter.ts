import type { Clock } from "../kernel/time/clock.ts";
import { fullBucket, consume, type TokenBucket, waitMs } from "../kernel/time/token-bucket.ts";
import type { FrameStream } from "./frame-stream.ts";

/** The limit may change while bytes wait: it is read again this often. */
const STEP_MS = 250;
/** With a limit ranges are short: several streams share it, and none of them may time out. */
const CAPPED_PIECE_BYTES = 64 * 1024;

/** Limits everything that passes through it to one speed, first come, first served. */
export class BandwidthLimiter {
  readonly #clock: Clock;
  readonly #bytesPerSecond: () => number | undefined;
  #bucket: TokenBucket | undefined;
  #last: Promise<void> = Promise.resolve();

  /** `bytesPerSecond`: returns the current limit; undefined: none. */
  constructor(clock: Clock, bytesPerSecond: () => number | undefined) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** The longest range that should be sent at once; undefined: any. */
  get pieceBytes(): number | undefined {
    return this.#bytesPerSecond() === undefined ? undefined : CAPPED_PIECE_BYTES;
  }

  /** Waits until these bytes may be sent. */
  async pass(bytes: number, signal?: AbortSignal): Promise<void> {
    const turn = this.#last.then(() => this.#waitAndPass(bytes, signal));
    this.#last = turn.catch(() => {});
    await turn;
  }

  async #waitAndPass(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    while (true) {
      signal?.throwIfAborted();
      const rate = this.#bytesPerSecond();
      const nowMs = this.#clock.monotonicMs();
      if (rate === undefined) {
        this.#bucket = undefined;
        return;
      }
      this.#bucket ??= fullBucket(rate, nowMs);
      const wait = waitMs(this.#bucket, rate, nowMs);
      if (wait === 0) {
        this.#bucket = consume(this.#bucket, bytes, rate, nowMs);
        return;
      }
      await this.#clock.sleep(Math.min(wait, STEP_MS), signal);
    }
  }
}

/**
 * The same stream, limited by `up` and `down`. Received frames are returned late, so that the far side
 * is slowed down by back-pressure.
 */
export function pacedStream(
  stream: FrameStream,
  { up, down }: { readonly up: BandwidthLimiter; readonly down: BandwidthLimiter },
): FrameStream {
  let unpaid: Uint8Array | undefined;
  return {
    time: stream.time,
    write: async (frame, signal) => {
      await up.pass(frame.byteLength, signal);
      await stream.write(frame, signal);
    },
    read: async (signal) => {
      unpaid ??= await stream.read(signal);
      const frame = unpaid;
      if (frame) await down.pass(frame.byteLength, signal); // after an abort the frame is kept for the next read
      unpaid = undefined;
      return frame;
    },
    close: () => stream.close(),
    abort: (error) => stream.abort(error),
  };
}
