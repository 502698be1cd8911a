import { chunkPlaceOf } from "../../core/job/job-events.ts";
import { isItsTurn } from "../../core/ledger/in-turn.ts";
import { type Ledger, noteChunkLost, noteFinishing, noteLost, noteWaiting, noteWritten } from "../../core/ledger/ledger.ts";
import type { Chunk, ChunkId, DonorId, ResultFile } from "../../core/plan/chunk.ts";
import { ERROR_CODES, type ErrorCode } from "../../kernel/error-codes.ts";
import { isFarmError } from "../../kernel/errors.ts";
import type { AppendToJournal } from "../ports.ts";
import type { ResultReceiver } from "../results/result-receiver.ts";
import type { RunContext } from "../run/run-context.ts";
import type { FinishedFrame, FrameAssembler, FrameCallbacks } from "./frame-assembler.ts";
import type { TilePublisher } from "./tile-publisher.ts";

export interface FrameDeliveryPorts {
  readonly assembly: FrameAssembler;
  /** Where somebody looks at frames while they grow. */
  readonly tiles: TilePublisher | undefined;
  readonly receiver: Pick<ResultReceiver, "use">;
  readonly append: AppendToJournal;
  readonly ledger: Ledger;
  /** What the schedule knows of accepted chunks. */
  readonly accepted: {
    /** No doubt about this chunk is being looked into. */
    isSafe(chunk: ChunkId): boolean;
    /** Claims chunks for a picture on the disk; false when one of them was taken back or is in doubt. */
    claim(chunks: readonly ChunkId[]): boolean;
  };
}

/** Frames that cannot be finished, one after the other from the first on: then none can, and rendering is in vain. */
const HOPELESS_FRAMES = 3;

/** Makes frames of accepted results, and writes down in ledger and journal what became of each. */
export class FrameDelivery {
  readonly #ports: FrameDeliveryPorts;
  readonly #context: RunContext;
  readonly #watch: FrameCallbacks;
  #written = 0;
  #unfinishable = 0;

  constructor(ports: FrameDeliveryPorts, context: RunContext) {
    this.#ports = ports;
    this.#context = context;
    const { ledger, accepted } = ports;
    this.#watch = {
      isSafe: (chunk) => accepted.isSafe(chunk),
      isItsTurn: (frame) => isItsTurn(ledger, frame),
      claim: (chunks) => accepted.claim(chunks),
      begun: (frame) => noteFinishing(ledger, frame),
      denoising: (frame, share) => context.report.observe({ event: "frame-denoising", frame, share }),
      undone: (frame) => noteWaiting(ledger, frame),
      finished: (frames) => this.#finished(frames),
      failed: (frame, error) => this.#unfinished(frame, error),
    };
  }

  /** Puts an accepted result in its place, and finishes what is whole by it. */
  async accept(chunk: Chunk, donor: DonorId): Promise<void> {
    const { signal, report, chunks } = this.#context;
    const place = async (files: readonly ResultFile[]) => {
      await this.#ports.tiles?.show(chunk, donor, files, signal); // before it counts: a whole frame has been shown
      return await this.#ports.assembly.add(chunk.id, { donor, files }, signal);
    };
    if ((await this.#ports.receiver.use(chunk.id, donor, place, signal)) !== true) return; // taken back meanwhile
    const { seconds, bytes, done } = report.stats.accepted(chunk.id, donor);
    const total = chunks.size;
    report.observe({ event: "chunk-accepted", chunk: chunk.id, donor, seconds, bytes, done, total, place: chunkPlaceOf(chunk) });
    await this.finishReady();
  }

  /** An accepted result was wrong after all. */
  async revoke(chunk: Chunk): Promise<void> {
    this.#ports.assembly.remove(chunk.id);
    this.#context.report.observe({ event: "chunk-revoked", chunk: chunk.id, place: chunkPlaceOf(chunk) });
    await this.#ports.tiles?.drop([chunk.id]);
  }

  /** No donor renders this chunk any more: the frames that need it are lost. */
  async giveUp(chunk: ChunkId, code: ErrorCode): Promise<void> {
    const { ledger } = this.#ports;
    const { stats, observe } = this.#context.report;
    const message = stats.lastFailure(chunk) ?? ERROR_CODES[code].advice;
    noteChunkLost(ledger, chunk, { code, message });
    observe({ event: "chunk-dead", chunk, code, message });
    if (ledger.inTurn) await this.finishReady(); // the frames after it need not wait any more
  }

  /** Finishes every frame that is whole, whose turn it is, and that nothing speaks against. */
  async finishReady(): Promise<void> {
    await this.#ports.assembly.finishReady(this.#watch, this.#context.signal);
  }

  async #finished(frames: readonly FinishedFrame[]): Promise<void> {
    const known = (files: FinishedFrame["files"]) => files.map(({ path, bytes }) => ({ path, bytes }));
    await this.#ports.append(frames.map(({ frame, files }) => ({ type: "frame-finished", frame, files: known(files) })));
    for (const frame of frames) await this.#announce(frame);
  }

  async #announce({ frame, files, pictures, chunks }: FinishedFrame): Promise<void> {
    const { observe } = this.#context.report;
    noteWritten(this.#ports.ledger, frame, files);
    this.#written++;
    if (pictures.length > 0) observe({ event: "frame-raw", frame, pictures });
    observe({ event: "frame-finished", frame, outputs: files.map(({ path }) => path) });
    await this.#ports.tiles?.drop(chunks);
  }

  /** A frame that Blender cannot finish is lost, and the others go on. Any other failure ends the job. */
  #unfinished(frame: number, error: unknown): void {
    const { signal, report, fail } = this.#context;
    if (signal.aborted) return;
    const isThisFrame = isFarmError(error, "FINISHING_FAILED");
    if (!isThisFrame || (this.#written === 0 && ++this.#unfinishable >= this.#mostUnfinishable())) return fail(error);
    noteLost(this.#ports.ledger, frame, { code: error.code, message: error.message });
    report.observe({ event: "frame-lost", frame, code: error.code, message: error.message });
  }

  #mostUnfinishable(): number {
    return Math.min(HOPELESS_FRAMES, this.#ports.ledger.frames.size);
  }
}
