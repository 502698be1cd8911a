/** The version of this protocol; a client with another one is refused. */
export const GATEWAY_PROTOCOL = 1;

/** Limits on every number that a client sends, and time limits. */
export const GATEWAY_LIMITS = {
  /** Size of one text frame of a client. The bridge's can be longer: clients accept 16 MiB. */
  maxFrameBytes: 64 * 1024,
  /** Data bytes of a binary frame, after its number. */
  maxPartBytes: 256 * 1024,
  maxUploadBytes: 16 * 1024 ** 3,
  maxUploadsPerClient: 4,
  /** Incomplete uploads, of all clients together. */
  maxUploads: 16,
  /** Upload bytes that may wait for the disk before reading from the client is paused. */
  maxUnwrittenBytes: 1024 * 1024,
  maxDownloadsPerClient: 8,
  /** Download bytes that may be queued in a client's socket; other messages wait behind them. */
  maxUnsentBytes: 1024 * 1024,
  helloTimeoutMs: 5_000,
  maxClients: 32,
  maxRequestsInFlight: 32,
  requestsPerSecond: 100,
  /** Wrong tokens per minute, from all clients together, before new clients are refused for a while. */
  maxAuthFailures: 5,
  wrongTokenMs: 60_000,
  /** Bytes that may be queued for a client that does not read; beyond it the client is disconnected. */
  maxBufferedBytes: 8 * 1024 * 1024,
  pingEveryMs: 20_000,
  /** Jobs that have not ended, of all clients together. */
  maxJobs: 256,
  /** Ended jobs in the list, and how long raw frames that are not picked up are kept. */
  endedJobsListed: 50,
  endedJobsKeptMs: 7 * 24 * 3_600_000,
  /** Events of a job that are kept for later subscribers. */
  eventsKept: 5_000,
  endedEventsKept: 500,
  maxPathChars: 4_096,
  maxPeers: 256,
} as const;
