import type { SchedulePolicy, VerifyLevel } from "./types.ts";

/** Timings and rules; the trust page gives the reasons for most of them. */
const RULES = {
  spotFirst: 2,
  spotOneIn: 10,
  inFlightPerSlot: 2,
  suspectMs: 15_000,
  leaseMs: 30_000,
  deadAfterDonors: 3,
  maxTransportFailures: 8,
  barAfter: 3,
  restMs: 1_000,
  maxRestMs: 60_000,
  backupShare: 0.1,
  backupGain: 0.9,
  blindBackupMs: 5_000,
  stallMs: 600_000,
  stallFactor: 20,
} as const satisfies Omit<SchedulePolicy, "verify" | "secret">;

/** The rules of a job; `secret` is the requester's own, fresh for each process. */
export function schedulePolicy(choices: { readonly verify: VerifyLevel; readonly secret: string }): SchedulePolicy {
  return { ...RULES, ...choices };
}
