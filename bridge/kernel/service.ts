/** Something that runs until it is stopped. Both calls are idempotent; `stop` joins every loop it started. */
export interface Service {
  readonly name: string;
  start(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/** Starts services in order, stops them in reverse; when one fails to start, those before it are stopped again. */
export class ServiceStack implements AsyncDisposable {
  readonly #started: Service[] = [];

  async start(service: Service, signal: AbortSignal): Promise<void> {
    try {
      await service.start(signal);
      this.#started.push(service);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const failures: unknown[] = [];
    for (let service = this.#started.pop(); service; service = this.#started.pop()) {
      try {
        await service.stop();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "services did not stop cleanly");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
