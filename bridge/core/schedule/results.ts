import type { ErrorCode } from "../../kernel/error-codes.ts";
import { requestVerification, completeVerification } from "./checks.ts";
import { banDonor, recordFailure } from "./donors.ts";
import { endLease, freeSlot, findLease, noteRoom, requeueChunk, withdrawLease } from "./leases.ts";
import { mustCheck } from "./must-check.ts";
import { updateSpeedEstimates } from "./predict.ts";
import type { StepContext } from "./schedule.ts";
import type { ChunkState, DonorState, Lease, ScheduleEvent, Verdict } from "./types.ts";
import { sceneFrameOf } from "./waiting-chunks.ts";

type Event<T extends ScheduleEvent["type"]> = Extract<ScheduleEvent, { type: T }>;

/** Codes of malformed results, which are the donor's fault and not the network's. */
const MALFORMED_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "RESULT_INVALID",
  "EXR_INVALID",
  "BLOCK_CORRUPT",
  "PEER_BROKE_PROTOCOL",
]);

export function onChunkRendered(turn: StepContext, event: Event<"chunk-rendered">): void {
  const held = findLease(turn, event.chunk, event.donor);
  if (held?.lease.phase !== "leased") return;
  const { chunk, lease, donor } = held;
  lease.phase = "fetching";
  donor.sceneFrame = sceneFrameOf(chunk);
  donor.failures.task = 0;
  donor.failures.refused = 0;
  updateSpeedEstimates(turn.schedule, donor, { chunk, seconds: event.seconds });
  noteRoom(turn, donor);
  turn.effects.push({ type: "fetch", chunk: event.chunk, donor: event.donor });
}

export function onResultFetched(turn: StepContext, event: Event<"result-fetched">): void {
  const held = findLease(turn, event.chunk, event.donor);
  if (held?.lease.phase !== "fetching") return;
  const { chunk, lease, donor } = held;
  freeSlot(turn, donor, event.chunk);
  lease.sha256 = event.sha256;
  donor.results++;
  donor.failures.transport = 0;
  donor.failures.malformed = 0;
  if (mustCheck({ ...event, trusted: donor.trusted, nth: donor.results }, turn.policy)) {
    lease.phase = "checking";
    requestVerification(turn, event.chunk, event.donor);
    return;
  }
  accept(turn, chunk, { lease, checked: false });
}

/** The first accepted result counts; other leases of the chunk are released. */
function accept(turn: StepContext, chunk: ChunkState, { lease, checked }: { readonly lease: Lease; readonly checked: boolean }): void {
  const { schedule, effects } = turn;
  const accepted = { donor: lease.donor, sha256: lease.sha256 ?? "", checked };
  chunk.accepted = accepted;
  chunk.state = "accepted";
  schedule.open--;
  effects.push({ type: "accept", chunk: lease.chunk, ...accepted });
  for (const other of chunk.leases.values()) {
    if (other !== lease && other.phase !== "checking") withdrawLease(turn, other, "finished-elsewhere");
    endLease(turn, chunk, other);
  }
}

export function onResultChecked(turn: StepContext, event: Event<"result-checked">): void {
  const chunk = turn.schedule.chunks.get(event.chunk);
  if (!chunk) return;
  completeVerification(turn, event.chunk, event.donor);
  const lease = chunk.leases.get(event.donor);
  if (chunk.rechecking && chunk.accepted?.donor === event.donor) settleRecheck(turn, chunk, event.verdict);
  else if (lease?.phase === "checking") settleCheck(turn, chunk, { lease, verdict: event.verdict });
  // The verdict counts even when the chunk was settled in the meantime.
  const donor = turn.schedule.donors.get(event.donor);
  if (donor && event.verdict === "different") banDonor(turn, donor, "mismatch");
}

function settleCheck(turn: StepContext, chunk: ChunkState, { lease, verdict }: { readonly lease: Lease; readonly verdict: Verdict }): void {
  if (verdict !== "different") {
    accept(turn, chunk, { lease, checked: true });
    return;
  }
  chunk.avoid.add(lease.donor);
  endLease(turn, chunk, lease);
  requeueChunk(turn, chunk, "loss");
}

function settleRecheck({ schedule, effects }: StepContext, chunk: ChunkState, verdict: Verdict): void {
  const { accepted } = chunk;
  if (!accepted) return;
  chunk.rechecking = false;
  if (verdict !== "different") {
    chunk.accepted = { ...accepted, checked: true };
    return;
  }
  chunk.accepted = undefined;
  chunk.state = "waiting";
  chunk.avoid.add(accepted.donor);
  schedule.open++;
  schedule.waiting.add(chunk);
  effects.push({ type: "revoke", chunk: chunk.chunk.id, donor: accepted.donor });
}

/** It did not arrive, is malformed, or could not be checked: then it may be wrong, and another donor renders the chunk. */
export function onResultRefused(turn: StepContext, event: Event<"result-refused">): void {
  if (event.code === "CHECK_FAILED") return unchecked(turn, event);
  const held = findLease(turn, event.chunk, event.donor);
  if (held?.lease.phase !== "fetching") return;
  fail(turn, held, { kind: MALFORMED_CODES.has(event.code) ? "malformed" : "transport", code: event.code });
}

/**
 * The check could not be made. That is no failure of the donor; but a chunk whose results cannot be checked,
 * whichever donor renders it, is given up like one that no donor can render. Earlier results of a banned donor are then revoked.
 */
function unchecked(turn: StepContext, event: Event<"result-refused">): void {
  completeVerification(turn, event.chunk, event.donor);
  const chunk = turn.schedule.chunks.get(event.chunk);
  if (chunk?.rechecking && chunk.accepted?.donor === event.donor) return settleRecheck(turn, chunk, "different");
  const held = findLease(turn, event.chunk, event.donor);
  if (held?.lease.phase !== "checking") return;
  avoid(held, "CHECK_FAILED");
  held.chunk.taskFailures++;
  held.chunk.failedOn.add(event.donor);
  endLease(turn, held.chunk, held.lease);
  requeueChunk(turn, held.chunk, "failure");
}

export function onChunkFailed(turn: StepContext, event: Event<"chunk-failed">): void {
  const held = findLease(turn, event.chunk, event.donor);
  if (held?.lease.phase === "leased") fail(turn, held, event);
}

function avoid({ chunk, donor }: Pick<Held, "chunk" | "donor">, code: ErrorCode): void {
  chunk.avoid.add(donor.id);
  chunk.lastCode = code;
}

interface Held {
  readonly chunk: ChunkState;
  readonly lease: Lease;
  readonly donor: DonorState;
}

function fail(
  turn: StepContext,
  { chunk, lease, donor }: Held,
  { kind, code }: { readonly kind: "task" | "malformed" | "transport" | "refused"; readonly code: ErrorCode },
): void {
  avoid({ chunk, donor }, code);
  if (kind === "transport") chunk.transportFailures++;
  if (kind === "task" || kind === "malformed") {
    chunk.taskFailures++;
    chunk.failedOn.add(donor.id);
  }
  endLease(turn, chunk, lease);
  recordFailure(turn, donor, kind);
  requeueChunk(turn, chunk, "failure");
}
