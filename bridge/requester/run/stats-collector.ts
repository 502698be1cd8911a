import type { ChunkId, DonorId } from "../../core/plan/chunk.ts";
import type { JobStats } from "../../core/job/job-events.ts";

/** What a run counts, for the report at its end. */
export class StatsCollector {
  readonly #startedMs: number;
  readonly #totals: { readonly frames: number; readonly chunks: number };
  readonly #names = new Map<DonorId, string>();
  readonly #byDonor = new Map<DonorId, number>();
  readonly #seconds = new Map<string, number>();
  readonly #bytes = new Map<string, number>();
  readonly #failures = new Map<ChunkId, string>();
  readonly #banned = new Set<DonorId>();
  readonly #done: Set<ChunkId>;
  #checked = 0;
  #received = 0;

  constructor(startedMs: number, totals: { readonly frames: number; readonly chunks: number }, acceptedBefore: Iterable<ChunkId>) {
    this.#startedMs = startedMs;
    this.#totals = totals;
    this.#done = new Set(acceptedBefore);
  }

  nameDonor(donor: DonorId, name: string): void {
    this.#names.set(donor, name);
  }

  nameOf(donor: DonorId): string {
    return this.#names.get(donor) ?? donor;
  }

  rendered(chunk: ChunkId, donor: DonorId, seconds: number): void {
    this.#seconds.set(`${chunk}\n${donor}`, seconds);
  }

  fetched(chunk: ChunkId, donor: DonorId, bytes: number, local: boolean): void {
    this.#bytes.set(`${chunk}\n${donor}`, local ? 0 : bytes);
    if (!local) this.#received += bytes;
  }

  accepted(chunk: ChunkId, donor: DonorId): { seconds: number; bytes: number; done: number } {
    this.#done.add(chunk);
    this.#byDonor.set(donor, (this.#byDonor.get(donor) ?? 0) + 1);
    const key = `${chunk}\n${donor}`;
    return { seconds: this.#seconds.get(key) ?? 0, bytes: this.#bytes.get(key) ?? 0, done: this.#done.size };
  }

  failed(chunk: ChunkId, message: string): void {
    this.#failures.set(chunk, message);
  }

  lastFailure(chunk: ChunkId): string | undefined {
    return this.#failures.get(chunk);
  }

  checked(): void {
    this.#checked++;
  }

  ban(donor: DonorId): void {
    this.#banned.add(donor);
  }

  stats(nowMs: number, { bytesSent, framesDone }: { readonly bytesSent: number; readonly framesDone: number }): JobStats {
    return {
      seconds: (nowMs - this.#startedMs) / 1000,
      framesDone,
      framesTotal: this.#totals.frames,
      chunksDone: this.#done.size,
      chunksTotal: this.#totals.chunks,
      chunksChecked: this.#checked,
      bytesReceived: this.#received,
      bytesSent,
      chunksByDonor: Object.fromEntries(this.#byDonor),
      banned: [...this.#banned].map((donor) => this.nameOf(donor)),
    };
  }
}
