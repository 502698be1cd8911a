import type { Chunk, ChunkId, DonorId } from "../core/chunk.ts";
import { placeOf } from "../core/job-events.ts";
import type { JobRecord } from "../core/journal/records.ts";
import type { JobPlan } from "../core/plan.ts";
import { typicalChunkSeconds } from "../core/schedule/predict.ts";
import { step } from "../core/schedule/step.ts";
import type { JobOutcome, ScheduleEffect, ScheduleEvent, SchedulePolicy } from "../core/schedule/types.ts";
import type { Schedule } from "../core/schedule/schedule.ts";
import { Channel } from "../kernel/channel.ts";
import type { Clock } from "../kernel/clock.ts";
import { ERROR_CODES, type ErrorCode } from "../kernel/error-codes.ts";
import { FarmError } from "../kernel/errors.ts";
import { BAR_SENTENCES } from "./bar-sentences.ts";
import type { DonorLink, DonorNews } from "./donor-link.ts";
import { ResultFlow, type ResultFlowDeps } from "./result-flow.ts";
import type { Said } from "./said.ts";

export interface JobRunDeps extends ResultFlowDeps {
  readonly clock: Clock;
}

/** How often the schedule hears the clock. */
const TICK_MS = 1_000;
/** A job that nobody works on for so long is given up: it can be resumed when there are donors. */
const LONELY_MS = 30_000;

/**
 * One job at work: events in, `step`, journal, effects out. Decides nothing itself: what to lease,
 * check, accept or give up is the schedule's word; this class carries it out and tells what came of it.
 */
export class JobRun {
  readonly #deps: JobRunDeps;
  readonly #policy: SchedulePolicy;
  readonly #events = new Channel<ScheduleEvent>();
  readonly #donors = new Map<DonorId, DonorLink>();
  readonly #work = new Set<Promise<void>>();
  readonly #listening = new Set<Promise<void>>();
  readonly #chunks: ReadonlyMap<ChunkId, Chunk>;
  readonly #flow: ResultFlow;
  readonly #life = new AbortController();
  #schedule: Schedule;
  readonly #barred = new Set<DonorId>();
  #lonelySinceMs: number;
  #paused = false;
  #outcome: JobOutcome | undefined;
  #failure: unknown;

  constructor(deps: JobRunDeps, options: { readonly plan: JobPlan; readonly schedule: Schedule; readonly policy: SchedulePolicy }) {
    this.#deps = deps;
    this.#schedule = options.schedule;
    this.#policy = options.policy;
    this.#lonelySinceMs = deps.clock.monotonicMs();
    this.#chunks = new Map(options.plan.chunks.map((chunk) => [chunk.id, chunk]));
    this.#flow = new ResultFlow(deps, {
      signal: this.#life.signal,
      chunks: this.#chunks,
      donors: this.#donors,
      say: (said) => this.#say(said),
      fail: (error) => this.fail(error),
      spawn: (work) => this.#do(work),
    });
  }

  /** Takes a donor in; its link is closed when the job ends. */
  addDonor(link: DonorLink): void {
    this.#donors.set(link.id, link);
    this.#deps.tally.nameDonor(link.id, link.name);
    this.#deps.observe({ event: "donor-joined", donor: link.id, name: link.name, slots: link.slots, local: link.trusted });
    const { id: donor, slots, trusted, knownSpeed, deviceClass } = link;
    this.#say({ type: "donor-joined", donor, slots, trusted, sameClass: this.#deps.sameClass(deviceClass), knownSpeed });
    this.#listening.add(this.#hear(link));
  }

  hasDonor(id: DonorId): boolean {
    return this.#donors.has(id);
  }

  get donors(): readonly DonorLink[] {
    return [...this.#donors.values()];
  }

  /** About how long a chunk takes on a donor that there is; undefined while none was rendered. */
  get typicalChunkSeconds(): number | undefined {
    return typicalChunkSeconds(this.#schedule);
  }

  wish(wish: "pause" | "resume" | "cancel"): void {
    this.#paused = wish === "pause";
    this.#say({ type: wish });
  }

  /** Runs until every chunk is accepted or given up and every frame that can be finished is; or until `signal` aborts. */
  async run(signal: AbortSignal): Promise<JobOutcome> {
    const onAbort = () => this.#say({ type: "cancel" });
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const ticking = this.#tick();
    try {
      this.#do(() => this.#flow.finishReady());
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
  fail(error: unknown): void {
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
    if (event.type === "result-checked" || event.type === "result-refused") this.#do(() => this.#flow.checkHeard(event.chunk, event.donor));
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
        return this.#do(() => this.#flow.fetch(effect.chunk, effect.donor));
      case "check":
        return this.#do(() => this.#flow.check(effect.chunk, effect.donor));
      case "accept":
        return this.#do(() =>
          this.#flow.accept(effect.chunk, effect.donor, effect.checked || this.#donors.get(effect.donor)?.trusted === true),
        );
      case "revoke":
        return this.#flow.revoke(effect.chunk);
      case "bar-donor":
        this.#barred.add(effect.donor);
        this.#deps.tally.bar(effect.donor);
        return this.#deps.observe({
          event: "donor-barred",
          donor: effect.donor,
          name: this.#deps.tally.nameOf(effect.donor),
          because: BAR_SENTENCES[effect.because],
        });
      case "chunk-dead":
        return this.#deps.observe({
          event: "chunk-dead",
          chunk: effect.chunk,
          code: effect.code,
          message: this.#deps.tally.lastFailure(effect.chunk) ?? ERROR_CODES[effect.code].advice,
        });
      case "job-ended":
        this.#outcome = effect.outcome;
    }
  }

  #lease(chunkId: ChunkId, donorId: DonorId, attempt: number): void {
    const chunk = this.#chunks.get(chunkId);
    const donor = this.#donors.get(donorId);
    if (!chunk || !donor)
      return this.#say({ type: "chunk-failed", chunk: chunkId, donor: donorId, code: "PEER_UNREACHABLE", kind: "transport" });
    this.#deps.observe({ event: "chunk-leased", chunk: chunkId, donor: donorId, attempt, place: placeOf(chunk) });
    donor.lease(chunk);
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
      case "standing":
        this.#deps.observe({ event: "donor-standing", donor, name: link.name, open: news.open, because: news.because });
        return this.#say({ type: "donor-standing", donor, open: news.open });
      case "scene":
        return this.#deps.observe({ event: "scene-progress", donor, bytesDone: news.bytesDone, bytesTotal: news.bytesTotal });
      case "started": {
        const chunk = this.#chunks.get(news.chunk);
        return chunk && this.#deps.observe({ event: "chunk-started", chunk: chunk.id, donor, place: placeOf(chunk) });
      }
      case "rendered":
        this.#deps.results.commit(news.chunk, donor, news.files, news.deviceClass ?? link.deviceClass);
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
        this.#noticeLoneliness();
      }
    } catch {
      // the job's life has ended
    }
  }

  #noticeLoneliness(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const atWork = this.#outcome !== undefined || this.#paused || this.donors.some(({ id }) => !this.#barred.has(id));
    if (atWork) this.#lonelySinceMs = nowMs;
    else if (nowMs - this.#lonelySinceMs > LONELY_MS) {
      this.fail(new FarmError("NO_DONORS", `for ${LONELY_MS / 1000} s there was no donor that this job could use`));
    }
  }

  /** Runs a piece of work beside the loop; `run` joins it. */
  #do(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => this.fail(error))
      .finally(() => this.#work.delete(running));
    this.#work.add(running);
  }

  /** Waits for what is under way; work may start more work. */
  async #settle(): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
  }
}
