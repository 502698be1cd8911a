import type { ChunkId, DonorId } from "../core/chunk.ts";
import type { JobEvent } from "../core/job-events.ts";
import type { JobRecord } from "../core/journal/records.ts";
import type { JobPlan } from "../core/plan.ts";
import { step } from "../core/schedule/step.ts";
import type { JobOutcome, ScheduleEffect, ScheduleEvent, SchedulePolicy, Verdict } from "../core/schedule/types.ts";
import type { Schedule } from "../core/schedule/schedule.ts";
import { Channel } from "../kernel/channel.ts";
import type { Clock } from "../kernel/clock.ts";
import { ERROR_CODES, type ErrorCode } from "../kernel/error-codes.ts";
import { FarmError, isFarmError, messageOf } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { AssemblyDesk, FinishedFrame } from "./assembly-desk.ts";
import type { DonorLink, DonorNews } from "./donor-link.ts";
import type { JobPreview, Remember } from "./ports.ts";
import type { ResultDesk } from "./result-desk.ts";
import type { RunTally } from "./run-tally.ts";

export interface JobRunDeps {
  readonly remember: Remember;
  readonly results: ResultDesk;
  readonly assembly: AssemblyDesk;
  readonly check: (chunk: ChunkId, donor: DonorId, sameClass: boolean, signal: AbortSignal) => Promise<Verdict>;
  readonly preview: JobPreview;
  readonly tally: RunTally;
  readonly sameClass: (donor: DonorLink) => boolean;
  readonly observe: (event: JobEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often the schedule hears the clock. */
const TICK_MS = 1_000;

type Said = DistributiveOmit<ScheduleEvent, "nowMs">;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/**
 * One job at work: events in, `step`, journal, effects out. Decides nothing itself: what to lease,
 * check, accept or give up is the schedule's word; this class carries it out and tells what came of it.
 */
export class JobRun {
  readonly #deps: JobRunDeps;
  readonly #plan: JobPlan;
  readonly #policy: SchedulePolicy;
  readonly #events = new Channel<ScheduleEvent>();
  readonly #donors = new Map<DonorId, DonorLink>();
  readonly #work = new Set<Promise<void>>();
  readonly #listening = new Set<Promise<void>>();
  readonly #chunks;
  readonly #life = new AbortController();
  #schedule: Schedule;
  #outcome: JobOutcome | undefined;
  #failure: unknown;

  constructor(deps: JobRunDeps, options: { readonly plan: JobPlan; readonly schedule: Schedule; readonly policy: SchedulePolicy }) {
    this.#deps = deps;
    this.#plan = options.plan;
    this.#schedule = options.schedule;
    this.#policy = options.policy;
    this.#chunks = new Map(options.plan.chunks.map((chunk) => [chunk.id, chunk]));
  }

  /** Takes a donor in; its link is closed when the job ends. */
  addDonor(link: DonorLink): void {
    this.#donors.set(link.id, link);
    this.#deps.tally.nameDonor(link.id, link.name);
    this.#deps.observe({ event: "donor-joined", donor: link.id, name: link.name, slots: link.slots, local: link.trusted });
    this.#say({ type: "donor-joined", donor: link.id, slots: link.slots, trusted: link.trusted, sameClass: this.#deps.sameClass(link) });
    this.#listening.add(this.#hear(link));
  }

  hasDonor(id: DonorId): boolean {
    return this.#donors.has(id);
  }

  get donors(): readonly DonorLink[] {
    return [...this.#donors.values()];
  }

  wish(wish: "pause" | "resume" | "cancel"): void {
    this.#say({ type: wish });
  }

  /** Runs until every chunk is accepted or given up and every frame that can be finished is; or until `signal` aborts. */
  async run(signal: AbortSignal): Promise<JobOutcome> {
    const onAbort = () => this.#say({ type: "cancel" });
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const ticking = this.#tick();
    try {
      this.#do(() => this.#finishReady());
      for await (const event of this.#events) {
        await this.#turn(event);
        if (this.#outcome !== undefined) break;
      }
      if (this.#outcome === "cancelled") this.#life.abort(new FarmError("CANCELLED", "the job was cancelled"));
      await this.#settle();
      if (this.#failure !== undefined) throw this.#failure;
      return this.#outcome ?? "incomplete";
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#life.abort(new FarmError("CANCELLED", "the job has ended"));
      this.#events.close();
      await Promise.allSettled(this.donors.map((donor) => donor.close()));
      await Promise.allSettled(this.#listening);
      await this.#settle();
      await ticking;
    }
  }

  /** Ends the run because something of ours failed, for instance the finishing Blender. */
  #fail(error: unknown): void {
    if (this.#life.signal.aborted) return;
    this.#failure ??= error;
    this.#say({ type: "cancel" });
  }

  #say(said: Said): void {
    this.#events.push({ ...said, nowMs: this.#deps.clock.monotonicMs() } as ScheduleEvent);
  }

  async #turn(event: ScheduleEvent): Promise<void> {
    const { schedule, effects } = step(this.#schedule, event, this.#policy);
    this.#schedule = schedule;
    const records = effects.flatMap((effect) => this.#recordOf(effect));
    if (records.length > 0) await this.#deps.remember(records); // written down before it takes effect
    for (const effect of effects) this.#perform(effect);
  }

  #recordOf(effect: ScheduleEffect): JobRecord[] {
    switch (effect.type) {
      case "accept": {
        const { chunk, donor, sha256, checked } = effect;
        return [{ type: "chunk-accepted", chunk, donor, sha256, checked, files: this.#deps.results.files(chunk, donor) }];
      }
      case "revoke":
        return [{ type: "chunk-revoked", chunk: effect.chunk, donor: effect.donor }];
      case "chunk-dead":
        return [{ type: "chunk-dead", chunk: effect.chunk, code: effect.code }];
      case "bar-donor":
        return [{ type: "donor-barred", donor: effect.donor, because: effect.because }];
      default:
        return [];
    }
  }

  #perform(effect: ScheduleEffect): void {
    switch (effect.type) {
      case "lease":
        return this.#lease(effect.chunk, effect.donor, effect.attempt);
      case "withdraw":
        this.#deps.observe({ event: "chunk-withdrawn", chunk: effect.chunk, donor: effect.donor, because: effect.because });
        return this.#donors.get(effect.donor)?.withdraw(effect.chunk);
      case "fetch":
        return this.#do(() => this.#fetch(effect.chunk, effect.donor));
      case "check":
        return this.#do(() => this.#check(effect.chunk, effect.donor));
      case "accept":
        return this.#do(() => this.#accept(effect.chunk, effect.donor));
      case "revoke":
        return this.#deps.assembly.remove(effect.chunk);
      case "bar-donor":
        this.#deps.tally.bar(effect.donor);
        return this.#deps.observe({ event: "donor-barred", donor: effect.donor, name: this.#deps.tally.nameOf(effect.donor), because: BAR_SENTENCES[effect.because] });
      case "chunk-dead":
        return this.#deps.observe({ event: "chunk-dead", chunk: effect.chunk, code: effect.code, message: this.#deps.tally.lastFailure(effect.chunk) ?? ERROR_CODES[effect.code].advice });
      case "job-ended":
        this.#outcome = effect.outcome;
    }
  }

  #lease(chunkId: ChunkId, donorId: DonorId, attempt: number): void {
    const chunk = this.#chunks.get(chunkId);
    const donor = this.#donors.get(donorId);
    if (!chunk || !donor) return this.#say({ type: "chunk-failed", chunk: chunkId, donor: donorId, code: "PEER_UNREACHABLE", kind: "transport" });
    this.#deps.observe({ event: "chunk-leased", chunk: chunkId, donor: donorId, attempt });
    donor.lease(chunk);
  }

  async #fetch(chunkId: ChunkId, donorId: DonorId): Promise<void> {
    const chunk = this.#chunks.get(chunkId);
    const donor = this.#donors.get(donorId);
    if (!chunk || !donor) return this.#say({ type: "result-refused", chunk: chunkId, donor: donorId, code: "PEER_UNREACHABLE" });
    try {
      const fetched = await this.#deps.results.take(chunk, donor, this.#life.signal);
      this.#deps.tally.fetched(chunkId, donorId, fetched.bytes, donor.trusted);
      this.#say({ type: "result-fetched", chunk: chunkId, donor: donorId, sha256: fetched.sha256, suspicious: fetched.suspicious });
      this.#do(() => this.#showPreview(chunkId, donor));
    } catch (error) {
      if (this.#life.signal.aborted) return;
      const code = isFarmError(error) ? error.code : undefined;
      if (code === undefined || code === "DISK_FULL") return this.#fail(error);
      this.#deps.observe({ event: "chunk-failed", chunk: chunkId, donor: donorId, code, message: messageOf(error) });
      this.#say({ type: "result-refused", chunk: chunkId, donor: donorId, code });
    }
  }

  async #check(chunk: ChunkId, donorId: DonorId): Promise<void> {
    const donor = this.#donors.get(donorId);
    const sameClass = donor !== undefined && this.#deps.sameClass(donor);
    let verdict: Verdict = "warned";
    try {
      verdict = await this.#deps.check(chunk, donorId, sameClass, this.#life.signal);
    } catch (error) {
      if (this.#life.signal.aborted) return;
      this.#deps.log.warn({ chunk, error }, "a check could not be made");
    }
    this.#deps.tally.checked();
    this.#deps.observe({ event: "chunk-checked", chunk, donor: donorId, verdict });
    this.#say({ type: "result-checked", chunk, donor: donorId, verdict });
  }

  async #accept(chunk: ChunkId, donorId: DonorId): Promise<void> {
    const files = this.#deps.results.files(chunk, donorId);
    try {
      await this.#deps.assembly.add(chunk, files, this.#life.signal);
      this.#donors.get(donorId)?.release(chunk);
      const { seconds, bytes, done } = this.#deps.tally.accepted(chunk, donorId);
      this.#deps.observe({ event: "chunk-accepted", chunk, donor: donorId, seconds, bytes, done, total: this.#plan.chunks.length });
      await this.#finishReady();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #finishReady(): Promise<void> {
    try {
      await this.#deps.assembly.finishReady(this.#life.signal, (frame) => this.#finished(frame));
    } catch (error) {
      this.#fail(error);
    }
  }

  async #finished({ frame, outputs, chunks }: FinishedFrame): Promise<void> {
    await this.#deps.remember([{ type: "frame-finished", frame, outputs }]);
    this.#deps.tally.finished(frame, outputs);
    this.#deps.observe({ event: "frame-finished", frame, outputs });
    this.#say({ type: "chunks-delivered", chunks });
  }

  async #showPreview(chunkId: ChunkId, donor: DonorLink): Promise<void> {
    const chunk = this.#chunks.get(chunkId);
    if (chunk?.spec.kind !== "floats") return;
    const { rect, width, height, frame } = chunk.spec;
    try {
      const path = await this.#deps.results.takePreview(chunkId, donor, this.#life.signal);
      if (path === undefined) return;
      const shown = await this.#deps.preview.add({ path, rect, keep: chunk.keep ?? rect }, frame, { x: 0, y: 0, width, height });
      this.#deps.observe({ event: "preview", path: shown });
    } catch (error) {
      this.#deps.log.debug({ chunk: chunkId, error }, "a preview could not be shown");
    }
  }

  async #hear(link: DonorLink): Promise<void> {
    for await (const news of link.news) this.#understand(link, news);
    this.#donors.delete(link.id);
  }

  #understand(link: DonorLink, news: DonorNews): void {
    const donor = link.id;
    switch (news.type) {
      case "alive":
        return this.#say({ type: "heartbeat", donor });
      case "scene":
        return this.#deps.observe({ event: "scene-progress", donor, bytesDone: news.bytesDone, bytesTotal: news.bytesTotal });
      case "started":
        return this.#deps.observe({ event: "chunk-started", chunk: news.chunk, donor });
      case "rendered":
        this.#deps.results.commit(news.chunk, donor, news.files);
        this.#deps.tally.rendered(news.chunk, donor, news.seconds);
        return this.#say({ type: "chunk-rendered", chunk: news.chunk, donor, seconds: news.seconds });
      case "failed": {
        const code = news.code in ERROR_CODES ? (news.code as ErrorCode) : "BLENDER_SCRIPT_FAILED";
        this.#deps.tally.failed(news.chunk, news.message);
        this.#deps.observe({ event: "chunk-failed", chunk: news.chunk, donor, code, message: news.message });
        return this.#say({ type: "chunk-failed", chunk: news.chunk, donor, code, kind: news.kind });
      }
      case "gone":
        this.#donors.delete(donor);
        if (!this.#life.signal.aborted) this.#deps.observe({ event: "donor-left", donor, name: link.name, because: news.because });
        return this.#say({ type: "donor-left", donor, because: news.because });
    }
  }

  async #tick(): Promise<void> {
    try {
      while (!this.#life.signal.aborted) {
        await this.#deps.clock.sleep(TICK_MS, this.#life.signal);
        for (const donor of this.donors) if (donor.trusted) this.#say({ type: "heartbeat", donor: donor.id });
        this.#say({ type: "tick" });
      }
    } catch {
      // the job's life has ended
    }
  }

  /** Runs a piece of work beside the loop; `run` joins it. */
  #do(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#work.delete(running));
    this.#work.add(running);
  }

  /** Waits for what is under way; work may start more work. */
  async #settle(): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
  }
}

const BAR_SENTENCES = {
  lied: "its pixels differ from what this machine renders",
  task: "its Blender failed three times in a row",
  transport: "it could not be reached three times in a row",
  refused: "it refused three times in a row",
  junk: "it delivered three broken results in a row",
} as const;
