import type { SchedulePolicy } from "./types.ts";

/**
 * Timings and rules of a job. The job itself adds how much
 * is verified, and a secret of the requester that no donor knows.
 */
export const DEFAULT_POLICY = {
  spotFirst: 2,
  spotOneIn: 10,
  inFlightPerSlot: 2,
  mostUnsettled: 16,
  aheadSeconds: 10,
  suspectMs: 15_000,
  leaseMs: 30_000,
  deadAfterDonors: 3,
  maxTransportFailures: 8,
  banAfter: 3,
  restMs: 1_000,
  maxRestMs: 60_000,
  backupShare: 0.1,
  backupGain: 0.9,
  blindBackupMs: 5_000,
  stallMs: 600_000,
  stallFactor: 20,
} as const satisfies Omit<SchedulePolicy, "verify" | "secret">;
