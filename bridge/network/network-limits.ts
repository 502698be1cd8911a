/** Limits against hostile peers and bad networks. */
export const NETWORK_LIMITS = {
  maxAddressChars: 512,
  maxSwarmChars: 64,
  /** One TCP connect with its handshakes; some of a peer's addresses are often dead, and they are tried in turn. Seconds, because donors render on all cores. */
  addressDialMs: 4_000,
  /** All of `connect` or `open`, including peer lookup. */
  reachMs: 8_000,
  /** After this the peer is used without a second connection. */
  bulkDialMs: 3_000,
  bulkRetryMs: 30_000,
  /** A peer that has just started registers its protocols shortly after it listens. */
  unspokenProtocolRetriesMs: [100, 200, 400, 800],
  /** How long the last bytes may take to leave after `close`. */
  closeMs: 30_000,
  /** How long the requesting side may take to end the stream after a handler returned. */
  lingerMs: 10_000,
  /** A connection is pinged this often, and closed when a ping is not answered for this long: as long as a lease, since the peer's cores may all be busy. */
  pingEveryMs: 5_000,
  silentMs: 30_000,
  maxConnections: 1_000,
  maxPendingInbound: 100,
  /** The library's default of 5 is too low for a studio behind one address, and for tests. */
  maxInboundPerSecondAndIp: 500,
  inboundUpgradeMs: 5_000,
  /** Receive window: 10 MiB/s over 50 ms. Twice as much is not faster on one machine, and doubles the latency of small messages. */
  streamWindowBytes: 512 * 1024,
  /** Must exceed the window: a paused stream that outgrows it is aborted by the library. */
  streamReadBufferBytes: 1024 * 1024,
  maxStreamsPerConnection: 512,
} as const;

/** Limits of discovery and automatic dialling. */
export const DISCOVERY_LIMITS = {
  maxCandidates: 256,
  maxAddressesPerCandidate: 16,
  parallelDials: 8,
  dialMs: 5_000,
  firstRetryMs: 500,
  lastRetryMs: 30_000,
  /** A candidate that failed this often and was not discovered again is dropped. */
  maxFailures: 8,
  /** Of two nodes that discover each other, the one with the greater id waits for the other to dial first. */
  politenessMs: 400,
  tickMs: 250,
  maxDonorsPerSearch: 64,
  searchMs: 8_000,
  searchAttemptMs: 2_500,
  searchPauseMs: 250,
  provideMs: 15_000,
  /** Records live 120 s (see `libp2p-options.ts`); the first ones go out early, before the routing table is good. */
  provideAgainMs: [1_000, 5_000, 15_000, 45_000],
} as const;
