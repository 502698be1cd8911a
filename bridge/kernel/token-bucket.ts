/** What may pass at this moment, in bytes; below zero: what passed too early. */
export interface TokenBucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** So much of a second may pass at once after a rest. */
const BURST_SECONDS = 0.25;

/** A bucket that is full. */
export function fullBucket(bytesPerSecond: number, nowMs: number): TokenBucket {
  return { tokens: bytesPerSecond * BURST_SECONDS, atMs: nowMs };
}

/** How long to wait until something may pass again; 0: now. */
export function waitMs(bucket: TokenBucket, bytesPerSecond: number, nowMs: number): number {
  const { tokens } = filled(bucket, bytesPerSecond, nowMs);
  return tokens > 0 ? 0 : Math.max(1, Math.ceil((-tokens / bytesPerSecond) * 1_000));
}

/** Lets `bytes` pass, into debt where they are more than there is: whoever comes next waits for it. */
export function consume(bucket: TokenBucket, bytes: number, bytesPerSecond: number, nowMs: number): TokenBucket {
  const { tokens, atMs } = filled(bucket, bytesPerSecond, nowMs);
  return { tokens: tokens - bytes, atMs };
}

function filled({ tokens, atMs }: TokenBucket, bytesPerSecond: number, nowMs: number): TokenBucket {
  const more = (Math.max(0, nowMs - atMs) / 1_000) * bytesPerSecond;
  return { tokens: Math.min(bytesPerSecond * BURST_SECONDS, tokens + more), atMs: nowMs };
}
