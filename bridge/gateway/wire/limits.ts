/** The version of this wire; a client that speaks another is told so. */
export const GATEWAY_PROTOCOL = 1;

/** Every number a client could choose for us, and the waits. */
export const GATEWAY_LIMITS = {
  /** What a client may say in one frame of text. What the bridge says can be longer: clients take 16 MiB. */
  maxFrameBytes: 64 * 1024,
  /** What of a file a binary frame carries, behind its number. */
  maxPartBytes: 256 * 1024,
  maxUploadBytes: 16 * 1024 ** 3,
  maxUploadsPerClient: 4,
  /** Uploads that are not yet whole, of all clients together. */
  maxUploads: 16,
  /** What may wait for the disk before its client is listened to no further. */
  maxUnwrittenBytes: 1024 * 1024,
  maxDownloadsPerClient: 8,
  /** What of files may wait in the socket of a client: what is said to it waits behind them. */
  maxUnsentBytes: 1024 * 1024,
  helloTimeoutMs: 5_000,
  maxClients: 32,
  maxRequestsInFlight: 32,
  requestsPerSecond: 100,
  /** Wrong tokens in a minute, from all clients together, before nobody new is let in for a while. */
  maxAuthFailures: 5,
  wrongTokenMs: 60_000,
  /** What may wait for a client that does not read; beyond it the client is dropped. */
  maxBufferedBytes: 8 * 1024 * 1024,
  pingEveryMs: 20_000,
  /** Jobs that are not yet at their end, of all clients together. */
  maxJobs: 256,
  /** Ended jobs in the list, and how long floats that nobody takes are kept. */
  endedJobsListed: 50,
  endedJobsKeptMs: 7 * 24 * 3_600_000,
  /** Events of a job that are kept for those who come later. */
  eventsKept: 5_000,
  endedEventsKept: 500,
  maxPathChars: 4_096,
  maxPeers: 256,
} as const;
