/** Bytes that may be sent now; below zero: sent too early. */
export interface TokenBucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** Burst after a pause, as a share of a second's rate. */
const BURST_SECONDS = 0.25;

/** A full bucket. */
export function fullBucket(bytesPerSecond: number, nowMs: number): TokenBucket {
  return { tokens: bytesPerSecond * BURST_SECONDS, atMs: nowMs };
}

/** How long to wait before sending again; 0: now. */
export function waitMs(bucket: TokenBucket, bytesPerSecond: number, nowMs: number): number {
  const { tokens } = filled(bucket, bytesPerSecond, nowMs);
  return tokens > 0 ? 0 : Math.max(1, Math.ceil((-tokens / bytesPerSecond) * 1_000));
}

/** Takes `bytes`, into debt if there are not enough: the next sender waits for it. */
export function consume(bucket: TokenBucket, bytes: number, bytesPerSecond: number, nowMs: number): TokenBucket {
  const { tokens, atMs } = filled(bucket, bytesPerSecond, nowMs);
  return { tokens: tokens - bytes, atMs };
}

function filled({ tokens, atMs }: TokenBucket, bytesPerSecond: number, nowMs: number): TokenBucket {
  const more = (Math.max(0, nowMs - atMs) / 1_000) * bytesPerSecond;
  return { tokens: Math.min(bytesPerSecond * BURST_SECONDS, tokens + more), atMs: nowMs };
}
