/** Something that a job currently waits for. */
export interface PendingOperation {
  /** For messages: "frame 3 of donor bert", "the check of …". */
  readonly what: string;
  readonly kind: "render" | "finish" | "other";
  readonly sinceMs: number;
  /** Predicted duration; undefined while nothing is known. */
  readonly seconds?: number | undefined;
}

/**
 * How long nothing may happen, in ms. Each wait has an earlier limit of its own; these catch cases that were not
 * foreseen. A render of unknown length may take the session's limit; one of known length, a multiple of that.
 */
export const STALL_TIMEOUTS = {
  otherMs: 20 * 60_000,
  renderMs: 13 * 3_600_000,
  renderFactor: 50,
  renderFloorMs: 30 * 60_000,
  finishMs: 49 * 3_600_000,
} as const;

/**
 * Whether a job made no progress for longer than its waits can explain. With no known wait the short limit
 * applies: then an answer was lost.
 */
export function isStalled(nowMs: number, movedMs: number, waits: readonly PendingOperation[]): boolean {
  const allowed = Math.max(STALL_TIMEOUTS.otherMs, ...waits.map(allowedMs));
  const latest = Math.max(movedMs, ...waits.map(({ sinceMs }) => sinceMs));
  return nowMs - latest > allowed;
}

function allowedMs({ kind, seconds }: PendingOperation): number {
  if (kind === "finish") return STALL_TIMEOUTS.finishMs;
  if (kind === "other") return STALL_TIMEOUTS.otherMs;
  if (seconds === undefined) return STALL_TIMEOUTS.renderMs;
  return Math.min(STALL_TIMEOUTS.renderMs, Math.max(STALL_TIMEOUTS.renderFloorMs, seconds * 1_000 * STALL_TIMEOUTS.renderFactor));
}

/** The message for a job that was ended because of this. */
export function stallMessage(nowMs: number, movedMs: number, waits: readonly PendingOperation[]): string {
  const minutes = Math.round((nowMs - movedMs) / 60_000);
  const shown = waits.slice(0, 5).map(({ what, sinceMs }) => `${what} (${Math.round((nowMs - sinceMs) / 1_000)} s)`);
  const more = waits.length > shown.length ? ` and ${waits.length - shown.length} more` : "";
  return `there was no progress for ${minutes} minutes; the job waited for ${shown.length === 0 ? "nothing known" : shown.join(", ") + more}`;
}
