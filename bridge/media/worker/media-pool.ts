import { childSignal } from "../../kernel/abort.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { CompareRequest } from "../compare.ts";
import type { MediaJob, MediaResults } from "./media-jobs.ts";
import { MediaThread } from "./media-thread.ts";
import type { AssembledSpec, DeriveRequest, FloatDifference, FloatExpectation, FloatSummary, PasteRequest } from "../types.ts";

export interface MediaOptions {
  /** Threads; default 1. Each is started when first needed. */
  readonly threads?: number;
  /** A task that takes longer is given up; default 5 minutes: 8K with 60 ZIP channels (8 GB) takes two to three on a busy machine. */
  readonly timeLimitMs?: number;
}

/** Reads and writes pictures off the main thread. Calls wait for a free thread in order. */
export interface Media extends AsyncDisposable {
  /** The structural gate. Throws EXR_INVALID with the reason. */
  check(path: string, expectation: FloatExpectation, signal: AbortSignal): Promise<FloatSummary>;
  /** Creates an assembled EXR, or keeps an existing one. Throws DISK_FULL, OUTPUT_NOT_WRITABLE. */
  createAssembled(spec: AssembledSpec, signal: AbortSignal): Promise<void>;
  /** Copies a result's floats to their position. Throws EXR_INVALID, DISK_FULL. When aborted it may have pasted a part: paste again. */
  paste(request: PasteRequest, signal: AbortSignal): Promise<void>;
  /** Makes an assembled EXR of another one. Throws DISK_FULL, OUTPUT_NOT_WRITABLE. */
  deriveAssembled(request: DeriveRequest, signal: AbortSignal): Promise<void>;
  /** Compares a result with a reference. Throws EXR_INVALID. */
  compare(request: CompareRequest, signal: AbortSignal): Promise<FloatDifference>;
  /** Whether a donor's file holds the same picture as ours, ignoring metadata. */
  samePicture(ours: string, theirs: string, signal: AbortSignal): Promise<boolean>;
  /** Ends all threads; waiting and running tasks fail with CANCELLED. Idempotent. */
  close(): Promise<void>;
}

export function openMedia(options: MediaOptions = {}): Media {
  const pool = new ThreadPool(options.threads ?? 1, options.timeLimitMs ?? 300_000);
  const close = () => pool.close();
  return {
    check: (path, expectation, signal) => pool.run({ kind: "check", path, expectation }, signal),
    createAssembled: (spec, signal) => pool.run({ kind: "create-assembled", spec }, signal),
    paste: (request, signal) => pool.run({ kind: "paste", request }, signal),
    deriveAssembled: (request, signal) => pool.run({ kind: "derive-assembled", request }, signal),
    compare: (request, signal) => pool.run({ kind: "compare", request }, signal),
    samePicture: (ours, theirs, signal) => pool.run({ kind: "same-picture", ours, theirs }, signal),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A position in the queue for a free thread. */
type Turn = (thread: MediaThread) => void;

class ThreadPool {
  readonly #threads: readonly MediaThread[];
  readonly #idle: MediaThread[];
  readonly #waiting = new Set<Turn>();
  readonly #timeLimitMs: number;
  readonly #closing = new AbortController();

  constructor(threads: number, timeLimitMs: number) {
    this.#threads = Array.from({ length: Math.max(1, threads) }, () => new MediaThread());
    this.#idle = [...this.#threads].reverse(); // the first one is preferred, so that others may never start
    this.#timeLimitMs = timeLimitMs;
  }

  async run<J extends MediaJob>(job: J, caller: AbortSignal): Promise<MediaResults[J["kind"]]> {
    caller.throwIfAborted();
    this.#closing.signal.throwIfAborted();
    using either = childSignal(caller);
    const closed = () => either.abort(this.#closing.signal.reason);
    this.#closing.signal.addEventListener("abort", closed, { once: true });
    try {
      const thread = this.#idle.pop() ?? (await this.#nextTurn(either.signal));
      try {
        return await thread.run(job, either.signal, this.#timeLimitMs);
      } finally {
        this.#release(thread);
      }
    } finally {
      this.#closing.signal.removeEventListener("abort", closed);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new FarmError("CANCELLED", "the media threads were stopped"));
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  async #nextTurn(signal: AbortSignal): Promise<MediaThread> {
    return await new Promise<MediaThread>((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(turn);
        reject(signal.reason as Error);
      };
      const turn: Turn = (thread) => {
        this.#waiting.delete(turn);
        signal.removeEventListener("abort", leave);
        resolve(thread);
      };
      this.#waiting.add(turn);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  #release(thread: MediaThread): void {
    const [next] = this.#waiting;
    if (next) next(thread);
    else this.#idle.push(thread);
  }
}
