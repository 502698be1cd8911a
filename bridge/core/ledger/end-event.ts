import type { JobEvent } from "../job/job-events.ts";

/** The end event of a job that ended before its work began. */
export function endEventBeforeWork(
  job: string,
  outcome: "failed" | "cancelled",
  error: { readonly code: string; readonly message: string } | null,
): Extract<JobEvent, { event: "job-ended" }> {
  return {
    event: "job-ended",
    job,
    outcome,
    outputs: [],
    missingFiles: [],
    missing: [],
    missingFrames: 0,
    error,
    stats: {
      seconds: 0,
      framesDone: 0,
      framesTotal: 0,
      chunksDone: 0,
      chunksTotal: 0,
      chunksChecked: 0,
      bytesReceived: 0,
      bytesSent: 0,
      chunksByDonor: {},
      banned: [],
    },
  };
}
