import { assignChunks } from "./assign.ts";
import { expireLeases, joinDonor, leaveDonor, changeAvailability } from "./donors.ts";
import { withdrawLease } from "./leases.ts";
import { onResultChecked, onChunkFailed, onResultFetched, onResultRefused, onChunkRendered } from "./results.ts";
import type { Schedule, StepContext } from "./schedule.ts";
import type { ScheduleOutcome, ScheduleEffect, ScheduleEvent, SchedulePolicy } from "./types.ts";

/**
 * Applies one event and returns the new schedule and its effects. The same events give the same effects. The
 * schedule is changed in place: keep the returned one and nothing else.
 */
export function stepSchedule(
  schedule: Schedule,
  event: ScheduleEvent,
  policy: SchedulePolicy,
): { readonly schedule: Schedule; readonly effects: readonly ScheduleEffect[] } {
  const turn: StepContext = { schedule, nowMs: event.nowMs, policy, effects: [] };
  if (schedule.ended) return { schedule, effects: [] };
  recordHeartbeat(turn, event);
  apply(turn, event);
  if (!schedule.ended && schedule.open === 0 && schedule.checks.size === 0) end(turn, schedule.dead === 0 ? "complete" : "incomplete");
  assignChunks(turn);
  return { schedule, effects: turn.effects };
}

/** Every message of a donor counts as a heartbeat; events from our own side about it do not. */
function recordHeartbeat({ schedule, nowMs }: StepContext, event: ScheduleEvent): void {
  const speaks =
    event.type === "heartbeat" ||
    event.type === "donor-availability" ||
    event.type === "chunk-rendered" ||
    (event.type === "chunk-failed" && event.kind !== "transport");
  const donor = speaks ? schedule.donors.get(event.donor) : undefined;
  if (donor?.here) donor.lastHeardMs = Math.max(donor.lastHeardMs, nowMs);
}

function apply(turn: StepContext, event: ScheduleEvent): void {
  switch (event.type) {
    case "donor-joined":
      return joinDonor(turn, event);
    case "donor-left":
      return leaveDonor(turn, event.donor);
    case "donor-availability":
      return changeAvailability(turn, event);
    case "chunk-rendered":
      return onChunkRendered(turn, event);
    case "result-fetched":
      return onResultFetched(turn, event);
    case "result-refused":
      return onResultRefused(turn, event);
    case "result-checked":
      return onResultChecked(turn, event);
    case "chunk-failed":
      return onChunkFailed(turn, event);
    default:
      return command(turn, event);
  }
}

function command(turn: StepContext, event: Extract<ScheduleEvent, { type: "heartbeat" | "tick" | "pause" | "resume" | "cancel" }>): void {
  switch (event.type) {
    case "heartbeat":
      return;
    case "tick":
      return expireLeases(turn);
    case "pause":
    case "resume":
      turn.schedule.paused = event.type === "pause";
      return;
    case "cancel":
      for (const chunk of turn.schedule.running) for (const lease of chunk.leases.values()) withdrawLease(turn, lease, "cancelled");
      return end(turn, "cancelled");
  }
}

function end({ schedule, effects }: StepContext, outcome: ScheduleOutcome): void {
  schedule.ended = outcome;
  effects.push({ type: "job-ended", outcome });
}
