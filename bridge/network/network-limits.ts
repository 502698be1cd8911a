/** Every number a stranger, or a bad day of the network, could otherwise choose for us. */
export const NETWORK_LIMITS = {
  maxAddressChars: 512,
  maxSwarmChars: 64,
  /** One TCP connect with its handshakes; some of a peer's addresses often lead nowhere, and they are tried in turn. Donors render on all cores: seconds, not tenths. */
  addressDialMs: 4_000,
  /** All of `connect` or `open`, looking the peer up included. */
  reachMs: 8_000,
  /** A second connection that does not come is done without. */
  bulkDialMs: 3_000,
  bulkRetryMs: 30_000,
  /** A peer that has just started registers its protocols a moment after it listens. */
  unspokenProtocolRetriesMs: [100, 200, 400, 800],
  /** How long the last bytes may take to leave after `close`. */
  closeMs: 30_000,
  /** After an answer returned, how long the asker may take to end its side. */
  lingerMs: 10_000,
  /** A connection is pinged this often, and cut when a ping is not answered for so long: as patient as a lease, since the peer's cores may all be taken. */
  pingEveryMs: 5_000,
  silentMs: 30_000,
  maxConnections: 1_000,
  maxPendingInbound: 100,
  /** The library's default of 5 breaks every studio behind one address, and every test. */
  maxInboundPerSecondAndIp: 500,
  inboundUpgradeMs: 5_000,
  /** How far a sender may run ahead of a reader: 10 MiB/s over 50 ms. Twice as much gains nothing on one machine, and small messages wait twice as long beside it. */
  streamWindowBytes: 512 * 1024,
  /** Must exceed the window: a paused stream that outgrows it is aborted by the library. */
  streamReadBufferBytes: 1024 * 1024,
  maxStreamsPerConnection: 512,
} as const;

/** Limits of finding and dialling peers by ourselves. */
export const DISCOVERY_LIMITS = {
  maxCandidates: 256,
  maxAddressesPerCandidate: 16,
  parallelDials: 8,
  dialMs: 5_000,
  firstRetryMs: 500,
  lastRetryMs: 30_000,
  /** A candidate that failed this often and was not heard of again is forgotten. */
  maxFailures: 8,
  /** Of two nodes that hear each other, the one with the greater id lets the other dial first. */
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
