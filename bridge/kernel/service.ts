/** Something that runs until it is stopped. Both calls are idempotent; `stop` joins every loop it started. */
export interface Service {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}
