import type { Stream, StreamCloseEvent, StreamMessageEvent } from "@libp2p/interface";
import { abortable, childSignal } from "../../kernel/abort.ts";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import { Notifier } from "../../kernel/notifier.ts";
import { systemWorld } from "../../kernel/world.ts";
import type { FrameStream } from "../../protocols/frame-stream.ts";
import { FrameAssembly, frameHeader } from "./frame-assembly.ts";
import { NETWORK_LIMITS } from "../network-limits.ts";
import { sendingTurn } from "./send-scheduler.ts";

/** A smaller slice costs throughput, a larger one delays heartbeats. */
const SLICE_BYTES = 256 * 1024;
/** Frames up to this size are sent without scheduling. */
const PROMPT_BYTES = 64 * 1024;

/** Frames over a libp2p stream. Create it in the same tick in which the stream was received: bytes that arrive before a listener are lost. */
export function libp2pFrameStream(stream: Stream): Libp2pFrameStream {
  return new Libp2pFrameStream(stream);
}

/**
 * Reading pauses the stream as soon as one whole frame has arrived, so that a slow reader slows the sender:
 * buffered are at most a frame, a window in the assembly and a window in the library.
 *
 * The library's own helpers cannot be used: `onDrain()` gives back-pressure only once per stream, and
 * iterating a stream gives none.
 */
export class Libp2pFrameStream implements FrameStream {
  readonly time = systemWorld;
  readonly #stream: Stream;
  readonly #assembly = new FrameAssembly();
  readonly #changed = new Notifier();
  #reading = false;
  #resuming = false;
  #discarding = false;
  #closedByUs = false;
  /** The far side ended its writing cleanly, unlike a lost connection. */
  #endSaid: boolean;
  #closed = false;
  #failure: Error | undefined;
  /** Settles when all frames so far were passed to the library. */
  #written: Promise<void> = Promise.resolve();

  constructor(stream: Stream) {
    this.#stream = stream;
    this.#endSaid = stream.remoteWriteStatus === "closed" && stream.status === "open";
    this.#closed = stream.status !== "open";
    stream.addEventListener("message", this.#onMessage);
    stream.addEventListener("remoteCloseWrite", this.#onRemoteCloseWrite);
    stream.addEventListener("end", this.#wake);
    stream.addEventListener("drain", this.#wake);
    stream.addEventListener("close", this.#onClose);
  }

  async write(frame: Uint8Array, signal?: AbortSignal): Promise<void> {
    const header = frameHeader(frame);
    signal?.throwIfAborted();
    if (this.#closedByUs && !this.#failure) throw new Error("write after close on a frame stream");
    this.#throwIfLost();
    const written = this.#written.then(() => this.#send(header, frame));
    this.#written = written.catch(() => undefined);
    await (signal ? abortable(written, signal) : written);
  }

  async read(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    if (this.#reading) throw new Error("two reads at a time on one frame stream");
    this.#reading = true;
    try {
      while (true) {
        const frame = this.#nextFrame();
        if (frame) return frame;
        signal?.throwIfAborted();
        this.#resume();
        if (this.#assembly.isReady) continue;
        if (this.#isEnded()) return this.#end();
        await this.#change(signal);
      }
    } finally {
      this.#reading = false;
    }
  }

  async close(): Promise<void> {
    if (this.#closedByUs) return;
    this.#closedByUs = true;
    using limit = childSignal(undefined, { ms: NETWORK_LIMITS.closeMs, time: systemWorld });
    try {
      await abortable(this.#written, limit.signal);
      await this.#stream.close({ signal: limit.signal });
    } catch (cause) {
      const failure = lost("the peer did not read the last frames", cause);
      this.#stream.abort(failure);
      throw failure;
    }
  }

  abort(error: Error): void {
    this.#failure ??= error;
    this.#stream.abort(error);
    this.#wake();
  }

  /** Ends our side and waits shortly for the far side to end its own; data it still sends is dropped. For streams that are no longer used. */
  async finish(signal: AbortSignal): Promise<void> {
    using limit = childSignal(signal, { ms: NETWORK_LIMITS.lingerMs, time: systemWorld });
    try {
      await this.close();
      this.#discarding = true;
      this.#resume();
      while (!this.#isEnded() && !this.#failure) await this.#change(limit.signal);
    } catch {
      this.abort(new Error("the far side did not end its writing"));
    }
  }

  #nextFrame(): Uint8Array | undefined {
    if (this.#failure) throw this.#failure;
    try {
      return this.#assembly.next();
    } catch (error) {
      if (isFarmError(error)) this.abort(error);
      throw error;
    }
  }

  #end(): undefined {
    if (this.#failure) throw this.#failure;
    if (!this.#assembly.isBetweenFrames) {
      throw new FarmError("PEER_BROKE_PROTOCOL", "the peer ended in the middle of a frame", { facts: { bytes: this.#assembly.bytes } });
    }
    if (!this.#endSaid) throw lost("the connection to the peer was lost");
    return undefined;
  }

  #isEnded(): boolean {
    return this.#stream.readableEnded || (this.#closed && this.#stream.readBufferLength === 0);
  }

  /** One frame after the other, long ones in scheduled slices. */
  async #send(header: Uint8Array, frame: Uint8Array): Promise<void> {
    if (frame.byteLength <= PROMPT_BYTES) return await this.#sendSlice(Buffer.concat([header, frame]));
    for (let offset = 0; offset < frame.byteLength; offset += SLICE_BYTES) {
      const slice = frame.subarray(offset, offset + SLICE_BYTES);
      await sendingTurn();
      await this.#sendSlice(offset === 0 ? Buffer.concat([header, slice]) : slice);
    }
  }

  async #sendSlice(slice: Uint8Array): Promise<void> {
    this.#throwIfLost();
    try {
      this.#stream.send(slice);
    } catch (cause) {
      throw this.#failure ?? lost("the connection to the peer was lost", cause);
    }
    while (this.#stream.writableNeedsDrain) {
      this.#throwIfLost();
      await this.#change();
    }
  }

  #throwIfLost(): void {
    if (this.#failure) throw this.#failure;
    if (this.#closed || (this.#stream.writeStatus === "closed" && !this.#closedByUs)) throw lost("the connection to the peer was lost");
  }

  /** Waits for any event of the stream. */
  async #change(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.#changed.wait(signal);
    signal?.throwIfAborted();
  }

  readonly #wake = (): void => this.#changed.wake();

  readonly #onMessage = (event: StreamMessageEvent): void => {
    if (this.#discarding) return;
    for (const piece of ArrayBuffer.isView(event.data) ? [event.data] : event.data) this.#assembly.push(piece);
    this.#pauseIfReady();
    this.#wake();
  };

  readonly #onRemoteCloseWrite = (): void => {
    this.#endSaid = true;
    this.#wake();
  };

  readonly #onClose = (event: StreamCloseEvent): void => {
    this.#closed = true;
    if (event.error) this.#failure ??= lost("the peer aborted the stream", event.error);
    this.#wake();
  };

  /** Never from inside `resume()`: it reopens the window after it has emitted the data, which would undo the pause. */
  #pauseIfReady(): void {
    if (!this.#resuming && this.#stream.readStatus === "readable" && this.#assembly.isReady) this.#stream.pause();
  }

  #resume(): void {
    if (this.#stream.readStatus !== "paused") return;
    this.#resuming = true;
    try {
      this.#stream.resume();
    } catch {
      // On a lost connection the data is emitted first, and only the window update fails.
    } finally {
      this.#resuming = false;
    }
    this.#pauseIfReady();
  }
}

function lost(message: string, cause?: unknown): FarmError {
  return new FarmError("PEER_UNREACHABLE", message, { cause });
}
