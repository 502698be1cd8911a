/** Something that a job currently waits for. */
export interface Wait {
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
export const STILLNESS_LIMITS = {
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
export function isStalled(nowMs: number, movedMs: number, waits: readonly Wait[]): boolean {
  const allowed = Math.max(STILLNESS_LIMITS.otherMs, ...waits.map(allowedMs));
  const latest = Math.max(movedMs, ...waits.map(({ sinceMs }) => sinceMs));
  return nowMs - latest > allowed;
}

function allowedMs({ kind, seconds }: Wait): number {
  if (kind === "finish") return STILLNESS_LIMITS.finishMs;
  if (kind === "other") return STILLNESS_LIMITS.otherMs;
  if (seconds === undefined) return STILLNESS_LIMITS.renderMs;
  return Math.min(STILLNESS_LIMITS.renderMs, Math.max(STILLNESS_LIMITS.renderFloorMs, seconds * 1_000 * STILLNESS_LIMITS.renderFactor));
}

/** The message for a job that was ended because of this. */
export function stillnessMessage(nowMs: number, movedMs: number, waits: readonly Wait[]): string {
  const minutes = Math.round((nowMs - movedMs) / 60_000);
  const shown = waits.slice(0, 5).map(({ what, sinceMs }) => `${what} (${Math.round((nowMs - sinceMs) / 1_000)} s)`);
  const more = waits.length > shown.length ? ` and ${waits.length - shown.length} more` : "";
  return `there was no progress for ${minutes} minutes; the job waited for ${shown.length === 0 ? "nothing known" : shown.join(", ") + more}`;
}
