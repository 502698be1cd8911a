import type { Chunk, ChunkId, DeviceClass, DonorId } from "../core/chunk.ts";
import { type JobEvent, placeOf } from "../core/job-events.ts";
import type { Verdict } from "../core/schedule/types.ts";
import { isFarmError, messageOf } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { AssemblyDesk, FinishedFrame } from "./assembly-desk.ts";
import type { DeliveryGate } from "./delivery-gate.ts";
import type { DonorLink } from "./donor-link.ts";
import type { LiveTiles } from "./live-tiles.ts";
import type { JobPreview, Remember } from "./ports.ts";
import type { ResultDesk } from "./result-desk.ts";
import type { RunTally } from "./run-tally.ts";
import type { Said } from "./said.ts";

export interface ResultFlowDeps {
  readonly remember: Remember;
  readonly results: ResultDesk;
  readonly assembly: AssemblyDesk;
  /** Where somebody looks at frames while they grow. */
  readonly tiles: LiveTiles | undefined;
  readonly gate: DeliveryGate;
  readonly check: (chunk: ChunkId, donor: DonorId, sameClass: boolean, signal: AbortSignal) => Promise<Verdict>;
  readonly preview: JobPreview;
  readonly tally: RunTally;
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
  say(said: Said): void;
  fail(error: unknown): void;
  /** Runs work beside the loop, joined at the end. */
  spawn(work: () => Promise<void>): void;
}

/** The way of a result: fetched and gated, checked, put in its place, finished. Each step's outcome goes back to the schedule. */
export class ResultFlow {
  readonly #deps: ResultFlowDeps;
  readonly #run: ResultFlowRun;
  readonly #gate: DeliveryGate;

  constructor(deps: ResultFlowDeps, run: ResultFlowRun) {
    this.#deps = deps;
    this.#run = run;
    this.#gate = deps.gate;
  }

  async fetch(chunkId: ChunkId, donorId: DonorId): Promise<void> {
    const chunk = this.#run.chunks.get(chunkId);
    const donor = this.#run.donors.get(donorId);
    if (!chunk || !donor) return this.#run.say({ type: "result-refused", chunk: chunkId, donor: donorId, code: "PEER_UNREACHABLE" });
    const showing = this.#showPreview(chunkId, donor);
    try {
      const fetched = await this.#deps.results.take(chunk, donor, this.#run.signal);
      await showing; // the donor drops the preview with the result
      this.#deps.tally.fetched(chunkId, donorId, fetched.bytes, donor.trusted);
      this.#run.say({ type: "result-fetched", chunk: chunkId, donor: donorId, sha256: fetched.sha256, suspicious: fetched.suspicious });
    } catch (error) {
      if (this.#run.signal.aborted) return;
      const code = isFarmError(error) ? error.code : undefined;
      if (code === undefined || code === "DISK_FULL") return this.#run.fail(error);
      this.#deps.observe({ event: "chunk-failed", chunk: chunkId, donor: donorId, code, message: messageOf(error) });
      this.#run.say({ type: "result-refused", chunk: chunkId, donor: donorId, code });
    } finally {
      await showing; // joined also when the result was refused
    }
  }

  async check(chunk: ChunkId, donorId: DonorId): Promise<void> {
    const deviceClass = this.#deps.results.classOf(chunk, donorId);
    const sameClass = deviceClass !== undefined && this.#deps.sameClass(deviceClass);
    this.#gate.checkBegins(chunk, donorId);
    const verdict = await this.#verdictOn(chunk, donorId, sameClass);
    if (this.#run.signal.aborted) return;
    this.#deps.tally.checked();
    // Nothing is accepted because it could not be looked at: it is rendered elsewhere.
    if (verdict === undefined) this.#run.say({ type: "result-refused", chunk, donor: donorId, code: "RESULT_INVALID" });
    else {
      this.#deps.observe({ event: "chunk-checked", chunk, donor: donorId, verdict });
      this.#run.say({ type: "result-checked", chunk, donor: donorId, verdict });
    }
  }

  /** The schedule has heard the verdict and has taken back what must be: the rest may go on. */
  async checkHeard(chunk: ChunkId, donorId: DonorId): Promise<void> {
    this.#gate.checkEnds(chunk, donorId);
    await this.finishReady();
  }

  /** Undefined when it could not be checked, also not at a second try. A liar's result counts as wrong then. */
  async #verdictOn(chunk: ChunkId, donorId: DonorId, sameClass: boolean): Promise<Verdict | undefined> {
    for (let attempt = 1; attempt <= 2; attempt++) {
      try {
        return await this.#deps.check(chunk, donorId, sameClass, this.#run.signal);
      } catch (error) {
        if (this.#run.signal.aborted) return undefined;
        this.#deps.log.warn({ chunk, error }, "a check could not be made");
      }
    }
    return this.#deps.tally.isBarred(donorId) ? "different" : undefined;
  }

  /** The result was wrong after all. */
  revoke(chunkId: ChunkId): void {
    this.#gate.revoke(chunkId);
    this.#deps.assembly.remove(chunkId);
    const chunk = this.#run.chunks.get(chunkId);
    if (chunk) this.#deps.observe({ event: "chunk-revoked", chunk: chunkId, place: placeOf(chunk) });
    this.#run.spawn(async () => await this.#deps.tiles?.drop([chunkId]));
  }

  async accept(chunkId: ChunkId, donorId: DonorId, sure: boolean): Promise<void> {
    const chunk = this.#run.chunks.get(chunkId);
    if (!chunk) throw new Error(`no chunk ${chunkId}`);
    this.#gate.accept(chunkId, { donor: donorId, sure });
    const files = this.#deps.results.files(chunkId, donorId);
    try {
      await this.#deps.tiles?.show(chunk, donorId, files, this.#run.signal); // before it counts: a whole frame has been shown
      await this.#deps.assembly.add(chunkId, files, this.#run.signal);
      this.#run.donors.get(donorId)?.release(chunkId);
      const { seconds, bytes, done } = this.#deps.tally.accepted(chunkId, donorId);
      const total = this.#run.chunks.size;
      this.#deps.observe({ event: "chunk-accepted", chunk: chunkId, donor: donorId, seconds, bytes, done, total, place: placeOf(chunk) });
      await this.finishReady();
    } catch (error) {
      this.#run.fail(error);
    }
  }

  async finishReady(): Promise<void> {
    try {
      await this.#deps.assembly.finishReady(this.#run.signal, (frame) => this.#finished(frame));
    } catch (error) {
      this.#run.fail(error);
    }
  }

  async #finished({ frame, outputs, pictures, chunks }: FinishedFrame): Promise<void> {
    await this.#deps.remember([{ type: "frame-finished", frame, outputs }]);
    this.#deps.tally.finished(frame, outputs);
    if (pictures.length > 0) this.#deps.observe({ event: "frame-floats", frame, pictures });
    this.#deps.observe({ event: "frame-finished", frame, outputs });
    await this.#deps.tiles?.drop(chunks);
    this.#run.say({ type: "chunks-delivered", chunks });
  }

  async #showPreview(chunkId: ChunkId, donor: DonorLink): Promise<void> {
    const chunk = this.#run.chunks.get(chunkId);
    if (chunk?.spec.kind !== "floats") return;
    const { rect, width, height, frame } = chunk.spec;
    try {
      const path = await this.#deps.results.takePreview(chunkId, donor, this.#run.signal);
      if (path === undefined) return;
      const shown = await this.#deps.preview.add({ path, rect, keep: chunk.keep ?? rect }, frame, { x: 0, y: 0, width, height });
      this.#deps.observe({ event: "preview", path: shown });
    } catch (error) {
      this.#deps.log.debug({ chunk: chunkId, error }, "a preview could not be shown");
    }
  }
}
