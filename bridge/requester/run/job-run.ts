import { journalRecordsOf } from "../../core/journal/records-of.ts";
import type { Ledger } from "../../core/ledger/ledger.ts";
import type { ChunkId, DeviceClass } from "../../core/plan/chunk.ts";
import type { JobPlan } from "../../core/plan/plan.ts";
import { claimForDelivery, isOnHold } from "../../core/schedule/checks.ts";
import { typicalChunkSeconds } from "../../core/schedule/predict.ts";
import type { Schedule } from "../../core/schedule/schedule.ts";
import { stepSchedule } from "../../core/schedule/step.ts";
import type { ScheduleEffect, ScheduleEvent, SchedulePolicy } from "../../core/schedule/types.ts";
import { isNeeded } from "../../core/schedule/wanted.ts";
import { AsyncQueue } from "../../kernel/channel.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { runningTimeClock } from "../../kernel/time/patience.ts";
import type { FrameAssembler } from "../delivery/frame-assembler.ts";
import { FrameDelivery } from "../delivery/frame-delivery.ts";
import type { TilePublisher } from "../delivery/tile-publisher.ts";
import type { DonorLink } from "../donors/donor-link.ts";
import { JobDonors } from "../donors/job-donors.ts";
import type { AppendToJournal, PreviewStitcher } from "../ports.ts";
import type { ResultReceiver } from "../results/result-receiver.ts";
import type { Checker } from "../verify/checker.ts";
import { carryOut, type EffectParts } from "./effects.ts";
import { JobBackgroundTasks } from "./job-tasks.ts";
import { JobMonitor } from "./job-monitor.ts";
import type { RunReporter, RunContext } from "./run-context.ts";
import type { UntimedEvent } from "./untimed-event.ts";

/** What a run works with: donors come while it runs (`addDonor`). */
export interface JobRunPorts {
  readonly results: { readonly receiver: ResultReceiver; readonly preview: Pick<PreviewStitcher, "add"> };
  readonly checks: { readonly checker: Pick<Checker, "check">; readonly sameClass: (deviceClass: DeviceClass) => boolean };
  /** `tiles`: where somebody looks at frames while they grow. */
  readonly delivery: { readonly assembly: FrameAssembler; readonly tiles: TilePublisher | undefined };
  readonly journal: { readonly append: AppendToJournal };
  readonly report: RunReporter;
  readonly process: { readonly clock: Clock; readonly log: Log };
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
 * One job at work, as one loop: an event comes in, `step` decides, the journal writes down what was decided, and the effects
 * are carried out (`effects.ts`). The job is over when nothing of it is on its way any more; what it came to is then read in
 * its ledger.
 */
export class JobRun {
  readonly #ports: JobRunPorts;
  readonly #policy: SchedulePolicy;
  readonly #ledger: Ledger;
  readonly #events = new AsyncQueue<ScheduleEvent>();
  readonly #life = new AbortController();
  /** What the schedule takes for the time. */
  readonly #nowMs: () => number;
  readonly #tasks: JobBackgroundTasks;
  readonly #watch: JobMonitor;
  readonly #parts: EffectParts;
  #schedule: Schedule;
  #paused = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(ports: JobRunPorts, options: JobRunOptions) {
    this.#ports = ports;
    this.#schedule = options.schedule;
    this.#policy = options.policy;
    this.#ledger = options.ledger;
    this.#nowMs = runningTimeClock(() => ports.process.clock.monotonicMs(), MOST_BETWEEN_EVENTS_MS);
    this.#watch = new JobMonitor(this.#nowMs());
    this.#tasks = new JobBackgroundTasks({ nowMs: this.#nowMs, failed: (error) => this.fail(error) });
    this.#parts = this.#partsOf(options);
  }

  #partsOf({ plan, ledger }: JobRunOptions): EffectParts {
    const { results, checks, delivery, journal, report, process } = this.#ports;
    const { receiver } = results;
    const context: RunContext = {
      chunks: new Map(plan.chunks.map((chunk) => [chunk.id, chunk])),
      signal: this.#life.signal,
      report,
      log: process.log,
      tell: (event) => this.#tell(event),
      fail: (error) => this.fail(error),
    };
    const moved = () => this.#watch.moved(this.#nowMs());
    const accepted = {
      isSafe: (chunk: ChunkId) => !isOnHold(this.#schedule, chunk),
      claim: (chunks: readonly ChunkId[]) => claimForDelivery(this.#schedule, chunks),
    };
    return {
      donors: new JobDonors({ results: receiver, sameClass: checks.sameClass, moved }, context),
      results,
      checks: { ...checks, receiver },
      delivery: new FrameDelivery({ ...delivery, receiver, append: journal.append, ledger, accepted }, context),
      tasks: this.#tasks,
      context,
    };
  }

  /** Takes a donor in; its link is closed when the job ends. */
  addDonor(link: DonorLink): void {
    this.#parts.donors.join(link);
  }

  get donors(): readonly DonorLink[] {
    return this.#parts.donors.list;
  }

  /** About how long a chunk takes on a donor that there is; undefined while none was rendered. */
  get typicalChunkSeconds(): number | undefined {
    return typicalChunkSeconds(this.#schedule);
  }

  command(command: "pause" | "resume" | "cancel"): void {
    this.#paused = command === "pause";
    this.#tell({ type: command });
  }

  /**
   * Runs until nothing of the job is on its way: every chunk is accepted or given up, every verdict heard, every frame that
   * can be finished is; or until `signal` aborts. Throws what ended it before its time.
   */
  async run(signal: AbortSignal): Promise<"settled" | "cancelled"> {
    const onAbort = () => this.#tell({ type: "cancel" });
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const ticking = this.#tick();
    try {
      this.#finishReady();
      this.#tell({ type: "tick" }); // a job that has nothing to render ends by it
      for await (const event of this.#events) {
        await this.#turn(event);
        if (this.#schedule.ended !== undefined) break;
      }
      if (this.#schedule.ended === "cancelled") this.#life.abort(new FarmError("CANCELLED", "the job was cancelled"));
      await this.#tasks.settle();
      if (this.#failure) throw this.#failure.error;
      return this.#schedule.ended === "cancelled" ? "cancelled" : "settled";
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#life.abort(new FarmError("CANCELLED", "the job has ended"));
      this.#events.close();
      await this.#parts.donors.close();
      await this.#tasks.settle();
      await ticking;
    }
  }

  /** Ends the run because something of ours failed, for instance the finishing Blender. */
  fail(error: unknown): void {
    if (this.#life.signal.aborted) return;
    this.#failure ??= { error };
    if (this.#schedule.ended === undefined) this.#tell({ type: "cancel" });
    else this.#life.abort(new FarmError("CANCELLED", "the job has failed"));
  }

  #tell(event: UntimedEvent): void {
    this.#events.push({ ...event, nowMs: this.#nowMs() } as ScheduleEvent);
  }

  async #turn(event: ScheduleEvent): Promise<void> {
    if (event.type === "donor-joined") this.#parts.donors.arrived();
    const { schedule, effects } = stepSchedule(this.#schedule, event, this.#policy);
    this.#schedule = schedule;
    this.#watch.heard(event);
    await this.#record(effects); // written down before it takes effect
    for (const effect of effects) carryOut(effect, this.#parts);
    this.#dropUnwanted([event, ...effects]);
    // The schedule has heard the verdict and has taken back what must be: what waited for it may be finished.
    if (event.type === "result-checked" || event.type === "result-refused") this.#finishReady();
  }

  async #record(effects: readonly ScheduleEffect[]): Promise<void> {
    const { results, journal } = this.#ports;
    const records = effects.flatMap((effect) => journalRecordsOf(effect, (chunk, donor) => results.receiver.files(chunk, donor)));
    if (records.length > 0) await journal.append(records);
  }

  /** Results that nobody needs any more go, here and at their donors: those that `about` speaks of may be such. */
  #dropUnwanted(about: readonly (ScheduleEvent | ScheduleEffect)[]): void {
    const { donors, context } = this.#parts;
    for (const each of about) {
      if (!("chunk" in each && "donor" in each) || isNeeded(this.#schedule, each.chunk, each.donor)) continue;
      const { chunk, donor } = each;
      donors.release(chunk, donor);
      const what = `the end of chunk ${chunk} of ${context.report.stats.nameOf(donor)}`;
      this.#tasks.start(what, "other", () => this.#ports.results.receiver.drop(chunk, donor));
    }
  }

  #finishReady(): void {
    this.#tasks.start("finishing pictures", "finish", () => this.#parts.delivery.finishReady());
  }

  async #tick(): Promise<void> {
    const { signal } = this.#life;
    while (!signal.aborted) {
      await this.#ports.process.clock.sleep(TICK_MS, signal).catch(() => {});
      if (signal.aborted) return;
      this.#parts.donors.beat();
      this.#tell({ type: "tick" });
      const trouble = this.#look();
      if (trouble) this.fail(trouble);
      const message = this.#watch.waitingNote(this.#nowMs());
      if (message !== undefined) this.#ports.report.observe({ event: "note", code: "waiting-for-donors", message });
    }
  }

  /** Why the job must end now, if it must. */
  #look(): FarmError | undefined {
    const { donors } = this.#parts;
    return this.#watch.look(this.#nowMs(), {
      schedule: this.#schedule,
      moves: this.#ledger.moves,
      isPaused: this.#paused,
      hasDonors: donors.hasUsable,
      banned: donors.bannedNames,
      waits: this.#tasks.waits,
    });
  }
}
