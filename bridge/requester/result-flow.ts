import type { Chunk, ChunkId, DeviceClass, DonorId, ResultFile } from "../core/plan/chunk.ts";
import { type JobEvent, placeOf } from "../core/job/job-events.ts";
import { isItsTurn } from "../core/ledger/in-turn.ts";
import { type Ledger, noteFinishing, noteLost, noteWaiting, noteWritten } from "../core/ledger/ledger.ts";
import type { Verdict } from "../core/schedule/types.ts";
import { isFarmError, messageOf } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { FrameAssembler, FinishedFrame, FrameWatch } from "./delivery/frame-assembler.ts";
import type { DonorLink } from "./donors/donor-link.ts";
import type { TilePublisher } from "./delivery/tile-publisher.ts";
import type { JobPreview, AppendToJournal } from "./ports.ts";
import type { ResultReceiver } from "./results/result-receiver.ts";
import type { StatsCollector } from "./stats-collector.ts";
import type { UntimedEvent } from "./untimed-event.ts";
import { failureOrigin } from "./failure-origin.ts";

export interface ResultFlowDeps {
  readonly append: AppendToJournal;
  readonly results: ResultReceiver;
  readonly assembly: FrameAssembler;
  /** Where somebody looks at frames while they grow. */
  readonly tiles: TilePublisher | undefined;
  readonly check: (chunk: ChunkId, donor: DonorId, sameClass: boolean, signal: AbortSignal) => Promise<Verdict>;
  readonly preview: Pick<JobPreview, "add">;
  readonly stats: StatsCollector;
  /** Whether this device class makes the same bits as the checker. */
  readonly sameClass: (deviceClass: DeviceClass) => boolean;
  readonly observe: (event: JobEvent) => void;
  readonly log: Log;
}

/** What the running job gives to the flow of its results. */
export interface ResultFlowRun {
  readonly signal: AbortSignal;
  readonly chunks: ReadonlyMap<ChunkId, Chunk>;
  readonly donors: ReadonlyMap<DonorId, DonorLink>;
  readonly ledger: Ledger;
  /** No doubt about this accepted chunk is being looked into. */
  isSafe(chunk: ChunkId): boolean;
  /** Claims chunks for a picture on the disk; false when one of them was taken back or is in doubt. */
  claim(chunks: readonly ChunkId[]): boolean;
  say(said: UntimedEvent): void;
  fail(error: unknown): void;
}

/** Frames that cannot be finished, one after the other from the first on: then none can, and rendering is in vain. */
const HOPELESS_FRAMES = 3;

/** The way of a result: fetched and gated, checked, put in its place, finished. Each step's outcome goes back to the schedule. */
export class ResultFlow {
  readonly #deps: ResultFlowDeps;
  readonly #run: ResultFlowRun;
  readonly #watch: FrameWatch;
  #written = 0;
  #unfinishable = 0;

  constructor(deps: ResultFlowDeps, run: ResultFlowRun) {
    this.#deps = deps;
    this.#run = run;
    this.#watch = {
      isSafe: (chunk) => run.isSafe(chunk),
      isItsTurn: (frame) => isItsTurn(run.ledger, frame),
      claim: (chunks) => run.claim(chunks),
      begun: (frame) => noteFinishing(run.ledger, frame),
      undone: (frame) => noteWaiting(run.ledger, frame),
      finished: (frames) => this.#finished(frames),
      failed: (frame, error) => this.#unfinished(frame, error),
    };
  }

  async fetch(chunkId: ChunkId, donorId: DonorId): Promise<void> {
    const chunk = this.#run.chunks.get(chunkId);
    const donor = this.#run.donors.get(donorId);
    if (!chunk || !donor) return this.#run.say({ type: "result-refused", chunk: chunkId, donor: donorId, code: "PEER_UNREACHABLE" });
    const showing = this.#showPreview(chunk, donor);
    try {
      const fetched = await this.#deps.results.take(chunk, donor, this.#run.signal);
      await showing; // the donor drops the preview with the result
      if (fetched === undefined) return; // withdrawn meanwhile
      this.#deps.stats.fetched(chunkId, donorId, fetched.bytes, donor.trusted);
      this.#run.say({ type: "result-fetched", chunk: chunkId, donor: donorId, sha256: fetched.sha256, suspicious: fetched.suspicious });
    } catch (error) {
      this.#refuse(chunkId, donorId, error);
    } finally {
      await showing; // joined also when the result was refused
    }
  }

  /** Why a result did not come, or is none: what the donor is to blame for it answers for, and nobody else. */
  #refuse(chunk: ChunkId, donor: DonorId, error: unknown): void {
    if (this.#run.signal.aborted) return;
    const code = failureOrigin(error);
    if (code === "ours") return this.#run.fail(error);
    this.#deps.observe({ event: "chunk-failed", chunk, donor, code, message: messageOf(error) });
    this.#run.say({ type: "result-refused", chunk, donor, code });
  }

  async check(chunk: ChunkId, donor: DonorId): Promise<void> {
    const deviceClass = this.#deps.results.classOf(chunk, donor);
    const sameClass = deviceClass !== undefined && this.#deps.sameClass(deviceClass);
    const verdict = await this.#verdictOn(chunk, donor, sameClass);
    if (this.#run.signal.aborted) return;
    this.#deps.stats.checked();
    if (verdict instanceof Error) {
      // Nothing is accepted because it could not be looked at: it is rendered elsewhere.
      this.#deps.observe({ event: "chunk-failed", chunk, donor, code: "CHECK_FAILED", message: messageOf(verdict) });
      return this.#run.say({ type: "result-refused", chunk, donor, code: "CHECK_FAILED" });
    }
    this.#deps.observe({ event: "chunk-checked", chunk, donor, verdict });
    this.#run.say({ type: "result-checked", chunk, donor, verdict });
  }

  /** What the check found; the error when it could not be made, also not at a second try. */
  async #verdictOn(chunk: ChunkId, donor: DonorId, sameClass: boolean): Promise<Verdict | Error> {
    let failure: unknown;
    for (let attempt = 1; attempt <= 2; attempt++) {
      try {
        return await this.#deps.check(chunk, donor, sameClass, this.#run.signal);
      } catch (error) {
        failure = error;
        if (this.#run.signal.aborted) break;
        this.#deps.log.warn({ chunk, error }, "a check could not be made");
        if (isFarmError(error, "SCENE_CHANGED") || isFarmError(error, "DISK_FULL")) {
          this.#run.fail(error);
          break;
        }
      }
    }
    return failure instanceof Error ? failure : new Error(messageOf(failure));
  }

  /** The result was wrong after all. */
  async revoke(chunkId: ChunkId): Promise<void> {
    this.#deps.assembly.remove(chunkId);
    const chunk = this.#run.chunks.get(chunkId);
    if (chunk) this.#deps.observe({ event: "chunk-revoked", chunk: chunkId, place: placeOf(chunk) });
    await this.#deps.tiles?.drop([chunkId]);
  }

  async accept(chunkId: ChunkId, donorId: DonorId): Promise<void> {
    const chunk = this.#run.chunks.get(chunkId);
    if (!chunk) throw new Error(`no chunk ${chunkId}`);
    const { signal } = this.#run;
    const place = async (files: readonly ResultFile[]) => {
      await this.#deps.tiles?.show(chunk, donorId, files, signal); // before it counts: a whole frame has been shown
      return await this.#deps.assembly.add(chunkId, { donor: donorId, files }, signal);
    };
    if ((await this.#deps.results.use(chunkId, donorId, place, signal)) !== true) return; // taken back meanwhile
    const { seconds, bytes, done } = this.#deps.stats.accepted(chunkId, donorId);
    const total = this.#run.chunks.size;
    this.#deps.observe({ event: "chunk-accepted", chunk: chunkId, donor: donorId, seconds, bytes, done, total, place: placeOf(chunk) });
    await this.finishReady();
  }

  async finishReady(): Promise<void> {
    await this.#deps.assembly.finishReady(this.#watch, this.#run.signal);
  }

  async #finished(frames: readonly FinishedFrame[]): Promise<void> {
    const known = (files: FinishedFrame["files"]) => files.map(({ path, bytes }) => ({ path, bytes }));
    await this.#deps.append(frames.map(({ frame, files }) => ({ type: "frame-finished", frame, files: known(files) })));
    for (const frame of frames) await this.#tellFinished(frame);
  }

  async #tellFinished({ frame, files, pictures, chunks }: FinishedFrame): Promise<void> {
    noteWritten(this.#run.ledger, frame, files);
    this.#written++;
    if (pictures.length > 0) this.#deps.observe({ event: "frame-raw", frame, pictures });
    this.#deps.observe({ event: "frame-finished", frame, outputs: files.map(({ path }) => path) });
    await this.#deps.tiles?.drop(chunks);
  }

  /** A frame that Blender cannot finish is lost, and the others go on; whatever else happens there ends the job. */
  #unfinished(frame: number, error: unknown): void {
    if (this.#run.signal.aborted) return;
    const isThisFrame = isFarmError(error, "FINISHING_FAILED");
    if (!isThisFrame || (this.#written === 0 && ++this.#unfinishable >= this.#mostUnfinishable())) return this.#run.fail(error);
    noteLost(this.#run.ledger, frame, { code: error.code, message: error.message });
    this.#deps.observe({ event: "frame-lost", frame, code: error.code, message: error.message });
  }

  #mostUnfinishable(): number {
    return Math.min(HOPELESS_FRAMES, this.#run.ledger.frames.size);
  }

  async #showPreview(chunk: Chunk, donor: DonorLink): Promise<void> {
    if (chunk.spec.kind !== "raw") return;
    const { rect, width, height, frame } = chunk.spec;
    const show = async (path: string) => {
      const shown = await this.#deps.preview.add({ path, rect, tileRect: chunk.tileRect ?? rect }, frame, { x: 0, y: 0, width, height });
      this.#deps.observe({ event: "preview", path: shown });
    };
    try {
      await this.#deps.results.withPreview(chunk.id, donor, show, this.#run.signal);
    } catch (error) {
      this.#deps.log.debug({ chunk: chunk.id, error }, "a preview could not be shown");
    }
  }
}
