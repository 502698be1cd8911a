import type { ScheduleEffect } from "../../core/schedule/types.ts";
import type { Chunk, ChunkId, DonorId } from "../../core/plan/chunk.ts";
import type { FrameDelivery } from "../delivery/frame-delivery.ts";
import type { JobDonors } from "../donors/job-donors.ts";
import { type FetchResultPorts, fetchResult } from "../results/fetch-result.ts";
import { type CheckPorts, checkResult } from "../verify/check-result.ts";
import type { JobBackgroundTasks } from "./job-tasks.ts";
import type { RunContext } from "./run-context.ts";

/** The parts of a run that carry effects out. */
export interface EffectParts {
  readonly donors: JobDonors;
  readonly results: FetchResultPorts;
  readonly checks: CheckPorts;
  readonly delivery: FrameDelivery;
  readonly tasks: JobBackgroundTasks;
  readonly context: RunContext;
}

type Effect<T extends ScheduleEffect["type"]> = Extract<ScheduleEffect, { readonly type: T }>;
type EffectTable = { readonly [T in ScheduleEffect["type"]]: (effect: Effect<T>, parts: EffectParts) => void };

/** What the run does for each effect of the schedule. What takes time runs beside the loop, and tells the schedule what came of it. */
const EFFECTS: EffectTable = {
  lease: ({ chunk, donor, attempt }, { donors }) => donors.lease(chunk, donor, attempt),
  withdraw: ({ chunk, donor, reason }, { donors }) => donors.withdraw(chunk, donor, reason),
  fetch: (effect, parts) => {
    const link = parts.donors.get(effect.donor);
    if (!link) return parts.context.tell({ type: "result-refused", chunk: effect.chunk, donor: effect.donor, code: "PEER_UNREACHABLE" });
    start(parts, "the result of", effect, (chunk) => fetchResult(parts.results, parts.context, chunk, link));
  },
  check: (effect, parts) => start(parts, "the check of", effect, (chunk) => checkResult(parts.checks, parts.context, chunk, effect.donor)),
  accept: (effect, parts) => {
    parts.donors.release(effect.chunk, effect.donor); // it is here, and written down
    start(parts, "the assembly of", effect, (chunk) => parts.delivery.accept(chunk, effect.donor));
  },
  revoke: (effect, parts) => start(parts, "taking back", effect, (chunk) => parts.delivery.revoke(chunk)),
  "ban-donor": ({ donor, reason }, { donors }) => donors.ban(donor, reason),
  "chunk-dead": ({ chunk, code }, { tasks, delivery }) => tasks.start("finishing pictures", "finish", () => delivery.giveUp(chunk, code)),
  "job-ended": () => {},
};

/** Carries one effect out, as the table says. */
export function carryOut(effect: ScheduleEffect, parts: EffectParts): void {
  // Each entry takes the effects of its own type alone, which the type of the table holds.
  (EFFECTS[effect.type] as (effect: ScheduleEffect, parts: EffectParts) => void)(effect, parts);
}

function start(
  { tasks, context }: EffectParts,
  what: string,
  { chunk: id, donor }: { readonly chunk: ChunkId; readonly donor: DonorId },
  work: (chunk: Chunk) => Promise<void>,
): void {
  const chunk = context.chunks.get(id);
  if (!chunk) throw new Error(`no chunk ${id}`);
  tasks.start(`${what} chunk ${id} of ${context.report.stats.nameOf(donor)}`, "other", () => work(chunk));
}
