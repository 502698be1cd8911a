/** Limits on the owner's terms, also applied to what other peers report. */
export const TERMS_LIMITS = {
  maxTextChars: 8_192,
  maxListed: 256,
  maxNameChars: 256,
  maxCores: 4_096,
  maxSlots: 256,
  /** Slower than this, a peer would take us for dead. */
  minBytesPerSecond: 128 * 1024,
  maxDurationMs: 7 * 86_400_000,
  maxCelsius: 150,
  maxWatts: 100_000,
} as const;
