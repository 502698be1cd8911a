import type { EnvironmentDigest } from "./facts.ts";

/** An environment that was fetched from the swarm and uses disk. */
export interface EvictionCandidate {
  readonly digest: EnvironmentDigest;
  /** In the engine and as blocks. */
  readonly bytes: number;
  readonly usedAtMs: number;
}

/** An environment used this recently is likely needed again, or still in use. */
export const EVICTION_GRACE_MS = 10 * 60_000;

/** Which environments to evict for so many bytes: least recently used first. None, when all of them would not suffice. */
export function chooseEnvironmentsToEvict(
  kept: readonly EvictionCandidate[],
  wantedBytes: number,
  nowMs: number,
): readonly EnvironmentDigest[] {
  const chosen: EnvironmentDigest[] = [];
  let freed = 0;
  for (const { digest, bytes, usedAtMs } of kept.toSorted((a, b) => a.usedAtMs - b.usedAtMs)) {
    if (freed >= wantedBytes || nowMs - usedAtMs < EVICTION_GRACE_MS) break;
    chosen.push(digest);
    freed += bytes;
  }
  return freed >= wantedBytes ? chosen : [];
}
