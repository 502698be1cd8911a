import { FarmError } from "../../kernel/errors.ts";
import { Notifier } from "../../kernel/notifier.ts";
import type { Time } from "../../kernel/world.ts";
import { FRAME_STREAM_LIMITS, type FrameStream } from "../../protocols/frame-stream.ts";

/** Writers wait while this much is unread. */
const HIGH_WATER_BYTES = 256 * 1024;

/** One direction: queued frames, and pending readers and writers. */
class Lane {
  readonly frames: Uint8Array[] = [];
  bytes = 0;
  ended = false;
  readonly #changed = new Notifier();

  wake(): void {
    this.#changed.wake();
  }

  async change(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.#changed.wait(signal);
    signal?.throwIfAborted();
  }
}

class MemoryFrameStream implements FrameStream {
  readonly #incoming: Lane;
  readonly #outgoing: Lane;
  #failure: Error | undefined;
  #reading = false;
  peer: MemoryFrameStream | undefined;
  readonly time: Time;

  constructor(incoming: Lane, outgoing: Lane, time: Time) {
    this.time = time;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  async write(frame: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (frame.byteLength > FRAME_STREAM_LIMITS.maxFrameBytes) {
      throw new RangeError(`a frame of ${frame.byteLength} bytes is over the limit of ${FRAME_STREAM_LIMITS.maxFrameBytes}`);
    }
    signal?.throwIfAborted();
    if (this.#failure) throw this.#failure;
    const lane = this.#outgoing;
    if (lane.ended) throw new Error("write after close on a frame stream");
    lane.frames.push(frame.slice());
    lane.bytes += frame.byteLength;
    lane.wake();
    while (lane.bytes > HIGH_WATER_BYTES) {
      await lane.change(signal);
      if (this.#failure) throw this.#failure;
    }
  }

  async read(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    if (this.#reading) throw new Error("two reads at a time on one frame stream");
    this.#reading = true;
    try {
      return await this.#next(signal);
    } finally {
      this.#reading = false;
    }
  }

  async close(): Promise<void> {
    this.#outgoing.ended = true;
    this.#outgoing.wake();
  }

  abort(error: Error): void {
    this.peer?.fail(new FarmError("PEER_UNREACHABLE", "the peer aborted the stream", { cause: error }));
    this.fail(error);
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#incoming.wake();
    this.#outgoing.wake();
  }

  async #next(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const lane = this.#incoming;
    while (true) {
      if (this.#failure) throw this.#failure;
      const frame = lane.frames.shift();
      if (frame) {
        lane.bytes -= frame.byteLength;
        lane.wake();
        return frame;
      }
      if (lane.ended) return undefined;
      await lane.change(signal);
    }
  }
}

/** Two ends of one stream in memory, with the contract of a real one, for tests of protocols. */
export function streamPair(time: Time): [FrameStream, FrameStream] {
  const there = new Lane();
  const back = new Lane();
  const a = new MemoryFrameStream(back, there, time);
  const b = new MemoryFrameStream(there, back, time);
  a.peer = b;
  b.peer = a;
  return [a, b];
}
