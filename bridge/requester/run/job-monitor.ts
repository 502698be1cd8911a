import { isStalled, stallMessage, type PendingOperation } from "../../core/ledger/stall.ts";
import { measuredSecondsFor } from "../../core/schedule/predict.ts";
import type { Schedule } from "../../core/schedule/schedule.ts";
import type { ScheduleEvent } from "../../core/schedule/types.ts";
import { runningChunks } from "../../core/schedule/wanted.ts";
import { FarmError } from "../../kernel/errors.ts";

/** A job that nobody works on for so long is given up: it can be resumed when there are donors. */
const NO_DONORS_TIMEOUT_MS = 30_000;
/** A donor that is being connected, or returns after a lost link, is not missed. */
const SAID_AFTER_MS = 900;

/** A job as its watch sees it. */
export interface StallCheckInput {
  readonly schedule: Schedule;
  /** `Ledger.moves`. */
  readonly moves: number;
  readonly isPaused: boolean;
  /** Somebody is there who may be given work, now or later. */
  readonly hasDonors: boolean;
  /** Names of donors that get no more work. */
  readonly banned: readonly string[];
  readonly waits: readonly PendingOperation[];
}

/** Looks whether a job still comes nearer to its end, and says what it waits for when it does not. */
export class JobMonitor {
  #movedMs: number;
  #noDonorsSinceMs: number;
  #moves = -1;
  #saysItWaits = true;

  constructor(nowMs: number) {
    this.#movedMs = nowMs;
    this.#noDonorsSinceMs = nowMs;
  }

  /** Something came nearer. */
  moved(nowMs: number): void {
    this.#movedMs = Math.max(this.#movedMs, nowMs);
  }

  heard(event: ScheduleEvent): void {
    if (event.type !== "tick" && event.type !== "heartbeat") this.moved(event.nowMs);
  }

  /** What to say when the job begins to wait for a donor, once for each such wait. To be asked after each `look`. */
  waitingNote(nowMs: number): string | undefined {
    if (!this.#saysItWaits || nowMs - this.#noDonorsSinceMs < SAID_AFTER_MS) return undefined;
    this.#saysItWaits = false;
    return `there is no donor that this job can use: it waits ${NO_DONORS_TIMEOUT_MS / 1_000} s for one`;
  }

  /** Why the job must end now: NO_DONORS or JOB_STALLED; undefined while all is well. */
  look(nowMs: number, job: StallCheckInput): FarmError | undefined {
    if (job.moves !== this.#moves || job.isPaused) this.moved(nowMs);
    this.#moves = job.moves;
    const hasEnded = job.schedule.ended !== undefined;
    if (hasEnded || job.isPaused || job.hasDonors) {
      this.#noDonorsSinceMs = nowMs;
      this.#saysItWaits = true;
    }
    if (nowMs - this.#noDonorsSinceMs > NO_DONORS_TIMEOUT_MS) return hasNoDonors(job.banned);
    const waits = [...job.waits, ...rendersOf(job.schedule)];
    if (waits.length === 0 && allRest(job.schedule)) this.moved(nowMs);
    return isStalled(nowMs, this.#movedMs, waits) ? new FarmError("JOB_STALLED", stallMessage(nowMs, this.#movedMs, waits)) : undefined;
  }
}

/** Their owners are waited for, which may take all night. */
function allRest({ ended, donors }: Schedule): boolean {
  return ended === undefined && ![...donors.values()].some(({ here, open }) => here && open);
}

function rendersOf(schedule: Schedule): PendingOperation[] {
  return runningChunks(schedule).map(({ chunk, donor, startedAtMs }) => ({
    what: `chunk ${chunk} of donor ${donor}`,
    kind: "render",
    sinceMs: startedAtMs,
    seconds: measuredSecondsFor(schedule, chunk, donor),
  }));
}

function hasNoDonors(banned: readonly string[]): FarmError {
  const seconds = NO_DONORS_TIMEOUT_MS / 1_000;
  if (banned.length === 0) return new FarmError("NO_DONORS", `for ${seconds} s there was no donor that this job could use`);
  const names = banned.slice(0, 5).join(", ");
  return new FarmError("NO_DONORS", `for ${seconds} s there was no donor that this job could use; it had banned ${names}`, {
    advice:
      banned.length > 1
        ? "Several donors were banned: the reasons stand above. If they speak of pixels, this machine may be the odd one: compare a frame with Blender itself."
        : "Start `bridge donate` on another machine, or leave out --no-local.",
  });
}
