import type { EnvironmentDigest } from "./facts.ts";

/** An environment that came from the swarm and takes disk. */
export interface KeptEnvironment {
  readonly digest: EnvironmentDigest;
  /** In the engine and as blocks. */
  readonly bytes: number;
  readonly usedAtMs: number;
}

/** What worked so lately is likely wanted again, or still at work. */
export const EVICTION_SPARES_MS = 10 * 60_000;

/** Which environments to give up for so many bytes: the longest unused first. None, when all of them would not do. */
export function chooseEvictions(kept: readonly KeptEnvironment[], wantedBytes: number, nowMs: number): readonly EnvironmentDigest[] {
  const chosen: EnvironmentDigest[] = [];
  let freed = 0;
  for (const { digest, bytes, usedAtMs } of kept.toSorted((a, b) => a.usedAtMs - b.usedAtMs)) {
    if (freed >= wantedBytes || nowMs - usedAtMs < EVICTION_SPARES_MS) break;
    chosen.push(digest);
    freed += bytes;
  }
  return freed >= wantedBytes ? chosen : [];
}
