import type { Chunk, ChunkId, DonorId } from "../core/plan/chunk.ts";
import { placeOf } from "../core/job/job-events.ts";
import { recordsOf } from "../core/journal/records-of.ts";
import { type Ledger, noteChunkLost } from "../core/ledger/ledger.ts";
import type { JobPlan } from "../core/plan/plan.ts";
import { claimForDelivery, isInDoubt } from "../core/schedule/checks.ts";
import { typicalChunkSeconds } from "../core/schedule/predict.ts";
import type { Schedule } from "../core/schedule/schedule.ts";
import { step } from "../core/schedule/step.ts";
import type { ScheduleEffect, ScheduleEvent, SchedulePolicy } from "../core/schedule/types.ts";
import { isWanted } from "../core/schedule/wanted.ts";
import { Channel } from "../kernel/channel.ts";
import type { Clock } from "../kernel/clock.ts";
import { ERROR_CODES } from "../kernel/error-codes.ts";
import { FarmError } from "../kernel/errors.ts";
import { patientNow } from "../kernel/patience.ts";
import { TrackedTasks } from "../kernel/tracked-tasks.ts";
import { BAN_MESSAGES } from "./donors/ban-messages.ts";
import type { DonorLink } from "./donors/donor-link.ts";
import { handleUpdate } from "./donors/handle-update.ts";
import { JobWatch } from "./job-watch.ts";
import { JobWaits } from "./job-waits.ts";
import { ResultFlow, type ResultFlowDeps } from "./result-flow.ts";
import type { UntimedEvent } from "./untimed-event.ts";

export interface JobRunDeps extends ResultFlowDeps {
  readonly clock: Clock;
}

export interface JobRunOptions {
  readonly plan: JobPlan;
  readonly schedule: Schedule;
  readonly policy: SchedulePolicy;
  readonly ledger: Ledger;
}

/** How often the schedule hears the clock. */
const TICK_MS = 1_000;
/** While this process stands still (suspended, starved), donors are not silent: no more counts between two events. */
const MOST_BETWEEN_EVENTS_MS = 2 * TICK_MS;

/**
 * One job at work: events in, `step`, journal, effects out. Decides nothing itself: what to lease,
 * check, accept or give up is the schedule's word; this class carries it out and tells what came of it. The job is over
 * when nothing is on its way any more; what it came to is then read in its ledger.
 */
export class JobRun {
  readonly #deps: JobRunDeps;
  readonly #policy: SchedulePolicy;
  readonly #ledger: Ledger;
  readonly #events = new Channel<ScheduleEvent>();
  readonly #donors = new Map<DonorId, DonorLink>();
  /** Of whom the schedule has not heard yet, in the order in which it will. */
  readonly #arriving: DonorLink[] = [];
  readonly #waits = new JobWaits((error) => this.fail(error));
  readonly #listening = new TrackedTasks();
  readonly #chunks: ReadonlyMap<ChunkId, Chunk>;
  readonly #flow: ResultFlow;
  readonly #watch: JobWatch;
  readonly #life = new AbortController();
  /** What the schedule takes for the time. */
  readonly #nowMs: () => number;
  #schedule: Schedule;
  readonly #banned = new Set<DonorId>();
  #paused = false;
  /** Nothing is taken in any more: what came now, nobody would close. */
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(deps: JobRunDeps, { plan, schedule, policy, ledger }: JobRunOptions) {
    this.#deps = deps;
    this.#schedule = schedule;
    this.#policy = policy;
    this.#ledger = ledger;
    this.#nowMs = patientNow(() => deps.clock.monotonicMs(), MOST_BETWEEN_EVENTS_MS);
    this.#watch = new JobWatch(this.#nowMs());
    this.#chunks = new Map(plan.chunks.map((chunk) => [chunk.id, chunk]));
    this.#flow = new ResultFlow(deps, {
      signal: this.#life.signal,
      chunks: this.#chunks,
      donors: this.#donors,
      ledger,
      isSafe: (chunk) => !isInDoubt(this.#schedule, chunk),
      claim: (chunks) => claimForDelivery(this.#schedule, chunks),
      say: (said) => this.#say(said),
      fail: (error) => this.fail(error),
    });
  }

  /**
   * Takes a donor in; its link is closed when the job ends. A donor that comes by a second link leaves its first one when
   * the schedule hears of it, and not before: what was leased until then is lost with the first.
   */
  addDonor(link: DonorLink): void {
    if (this.#isOver) return this.#close(link);
    this.#arriving.push(link);
    this.#deps.stats.nameDonor(link.id, link.name);
    this.#deps.observe({ event: "donor-joined", donor: link.id, name: link.name, slots: link.slots, local: link.trusted });
    const { id: donor, slots, trusted, benchmarkSpeed, deviceClass } = link;
    this.#say({ type: "donor-joined", donor, slots, trusted, sameClass: this.#deps.sameClass(deviceClass), benchmarkSpeed });
  }

  #arrived(): void {
    const link = this.#arriving.shift();
    if (!link) throw new Error("a donor joined that never came");
    const before = this.#donors.get(link.id);
    if (before) this.#close(before);
    this.#donors.set(link.id, link);
    void this.#listening.add(this.#hear(link));
  }

  #close(link: DonorLink): void {
    void link.close().catch((error: unknown) => this.#deps.log.debug({ error }, "a link could not be closed"));
  }

  get donors(): readonly DonorLink[] {
    return [...this.#donors.values(), ...this.#arriving];
  }

  /** About how long a chunk takes on a donor that there is; undefined while none was rendered. */
  get typicalChunkSeconds(): number | undefined {
    return typicalChunkSeconds(this.#schedule);
  }

  command(command: "pause" | "resume" | "cancel"): void {
    this.#paused = command === "pause";
    this.#say({ type: command });
  }

  /**
   * Runs until nothing of the job is on its way: every chunk is accepted or given up, every verdict heard, every frame that
   * can be finished is; or until `signal` aborts. Throws what ended it before its time.
   */
  async run(signal: AbortSignal): Promise<"settled" | "cancelled"> {
    const onAbort = () => this.#say({ type: "cancel" });
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const ticking = this.#tick();
    try {
      this.#work("finishing pictures", "finish", () => this.#flow.finishReady());
      this.#say({ type: "tick" }); // a job that has nothing to render ends by it
      for await (const event of this.#events) {
        await this.#turn(event);
        if (this.#schedule.ended !== undefined) break;
      }
      if (this.#schedule.ended === "cancelled") this.#life.abort(new FarmError("CANCELLED", "the job was cancelled"));
      await this.#waits.settle();
      if (this.#failure) throw this.#failure.error;
      return this.#schedule.ended === "cancelled" ? "cancelled" : "settled";
    } finally {
      this.#isOver = true;
      signal.removeEventListener("abort", onAbort);
      this.#life.abort(new FarmError("CANCELLED", "the job has ended"));
      this.#events.close();
      await Promise.allSettled(this.donors.map((donor) => donor.close()));
      await this.#listening.settle();
      await this.#waits.settle();
      await ticking;
    }
  }

  /** Ends the run because something of ours failed, for instance the finishing Blender. */
  fail(error: unknown): void {
    if (this.#life.signal.aborted) return;
    this.#failure ??= { error };
    if (this.#schedule.ended === undefined) this.#say({ type: "cancel" });
    else this.#life.abort(new FarmError("CANCELLED", "the job has failed"));
  }

  #say(said: UntimedEvent): void {
    this.#events.push({ ...said, nowMs: this.#nowMs() } as ScheduleEvent);
  }

  async #turn(event: ScheduleEvent): Promise<void> {
    if (event.type === "donor-joined") this.#arrived();
    const { schedule, effects } = step(this.#schedule, event, this.#policy);
    this.#schedule = schedule;
    this.#watch.heard(event);
    const records = effects.flatMap((effect) => recordsOf(effect, (chunk, donor) => this.#deps.results.files(chunk, donor)));
    if (records.length > 0) await this.#deps.append(records); // written down before it takes effect
    for (const effect of effects) this.#perform(effect);
    this.#letGo([event, ...effects]);
    // The schedule has heard the verdict and has taken back what must be: what waited for it may be finished.
    if (event.type === "result-checked" || event.type === "result-refused")
      this.#work("finishing pictures", "finish", () => this.#flow.finishReady());
  }

  /** What nobody needs any more of the results that were spoken of just now goes, here and at their donors. */
  #letGo(about: readonly (ScheduleEvent | ScheduleEffect)[]): void {
    for (const each of about) {
      if (!("chunk" in each && "donor" in each) || isWanted(this.#schedule, each.chunk, each.donor)) continue;
      const { chunk, donor } = each;
      this.#donors.get(donor)?.release(chunk);
      this.#work(`the end of chunk ${chunk} of ${this.#deps.stats.nameOf(donor)}`, "other", () => this.#deps.results.drop(chunk, donor));
    }
  }

  #perform(effect: ScheduleEffect): void {
    switch (effect.type) {
      case "lease":
        return this.#lease(effect.chunk, effect.donor, effect.attempt);
      case "withdraw":
        this.#deps.observe({ event: "chunk-withdrawn", chunk: effect.chunk, donor: effect.donor, reason: effect.reason });
        return this.#donors.get(effect.donor)?.withdraw(effect.chunk);
      case "fetch":
        return this.#about("the result of", effect, () => this.#flow.fetch(effect.chunk, effect.donor));
      case "check":
        return this.#about("the check of", effect, () => this.#flow.check(effect.chunk, effect.donor));
      case "accept":
        this.#donors.get(effect.donor)?.release(effect.chunk); // it is here, and written down
        return this.#about("the assembly of", effect, () => this.#flow.accept(effect.chunk, effect.donor));
      case "revoke":
        return this.#about("taking back", effect, () => this.#flow.revoke(effect.chunk));
      case "ban-donor":
        return this.#ban(effect);
      case "chunk-dead":
        return this.#giveUp(effect);
      case "job-ended":
    }
  }

  #ban({ donor, reason }: Extract<ScheduleEffect, { type: "ban-donor" }>): void {
    const { stats, observe } = this.#deps;
    this.#banned.add(donor);
    stats.ban(donor);
    observe({ event: "donor-banned", donor, name: stats.nameOf(donor), reason: BAN_MESSAGES[reason] });
  }

  #giveUp({ chunk, code }: Extract<ScheduleEffect, { type: "chunk-dead" }>): void {
    const message = this.#deps.stats.lastFailure(chunk) ?? ERROR_CODES[code].advice;
    noteChunkLost(this.#ledger, chunk, { code, message });
    this.#deps.observe({ event: "chunk-dead", chunk, code, message });
    if (this.#ledger.inTurn) this.#work("finishing pictures", "finish", () => this.#flow.finishReady()); // those after it need not wait
  }

  #lease(chunkId: ChunkId, donorId: DonorId, attempt: number): void {
    const chunk = this.#chunks.get(chunkId);
    const donor = this.#donors.get(donorId);
    if (!chunk || !donor)
      return this.#say({ type: "chunk-failed", chunk: chunkId, donor: donorId, code: "PEER_UNREACHABLE", kind: "transport" });
    this.#deps.observe({ event: "chunk-leased", chunk: chunkId, donor: donorId, attempt, place: placeOf(chunk) });
    this.#deps.results.expect(chunkId, donorId);
    donor.lease(chunk);
  }

  async #hear(link: DonorLink): Promise<void> {
    const isCurrent = () => this.#donors.get(link.id) === link;
    const say = (said: UntimedEvent) => this.#say(said);
    const hearing = { ...this.#deps, chunks: this.#chunks, say, fail: (error: unknown) => this.fail(error) };
    for await (const update of link.updates) {
      if (!isCurrent()) continue; // it speaks by another link now
      if (update.type !== "alive") this.#watch.moved(this.#nowMs());
      if (update.type === "gone") this.#left(link, update.reason);
      else handleUpdate(hearing, link, update);
    }
    if (isCurrent()) this.#left(link, "its link has ended");
  }

  #left(link: DonorLink, reason: string): void {
    this.#donors.delete(link.id);
    if (!this.#life.signal.aborted) this.#deps.observe({ event: "donor-left", donor: link.id, name: link.name, reason });
    this.#say({ type: "donor-left", donor: link.id, reason });
  }

  async #tick(): Promise<void> {
    try {
      while (!this.#life.signal.aborted) {
        await this.#deps.clock.sleep(TICK_MS, this.#life.signal);
        for (const donor of this.donors) if (donor.trusted) this.#say({ type: "heartbeat", donor: donor.id });
        this.#say({ type: "tick" });
        const trouble = this.#watch.look(this.#nowMs(), {
          schedule: this.#schedule,
          moves: this.#ledger.moves,
          isPaused: this.#paused,
          hasDonors: this.donors.some(({ id }) => !this.#banned.has(id)),
          banned: [...this.#banned].map((id) => this.#deps.stats.nameOf(id)),
          waits: this.#waits.list,
        });
        if (trouble) this.fail(trouble);
      }
    } catch {
      // the job's life has ended
    }
  }

  #about(what: string, { chunk, donor }: { readonly chunk: ChunkId; readonly donor: DonorId }, work: () => Promise<void>): void {
    this.#work(`${what} chunk ${chunk} of ${this.#deps.stats.nameOf(donor)}`, "other", work);
  }

  /** Runs a piece of work beside the loop; `run` joins it. */
  #work(what: string, kind: "finish" | "other", work: () => Promise<void>): void {
    this.#waits.start({ what, kind, sinceMs: this.#nowMs() }, work);
  }
}
