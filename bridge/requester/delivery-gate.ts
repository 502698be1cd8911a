import type { ChunkId, DonorId } from "../core/chunk.ts";

interface AcceptedChunk {
  readonly donor: DonorId;
  /** Looked at, or made by this machine. */
  readonly sure: boolean;
}

/**
 * Which accepted chunks may go into a finished picture: not those of a donor whose results are being
 * looked at this moment. A liar's first results are accepted while its very first one is still checked;
 * they are taken back when the verdict comes, and until then no picture is made of them.
 */
export class DeliveryGate {
  readonly #accepted = new Map<ChunkId, AcceptedChunk>();
  readonly #underCheck = new Map<DonorId, Set<ChunkId>>();

  checkBegins(chunk: ChunkId, donor: DonorId): void {
    const chunks = this.#underCheck.get(donor) ?? new Set();
    this.#underCheck.set(donor, chunks.add(chunk));
  }

  checkEnds(chunk: ChunkId, donor: DonorId): void {
    this.#underCheck.get(donor)?.delete(chunk);
  }

  accept(chunk: ChunkId, accepted: AcceptedChunk): void {
    this.#accepted.set(chunk, accepted);
  }

  revoke(chunk: ChunkId): void {
    this.#accepted.delete(chunk);
  }

  /** Chunks accepted in an earlier run are not known here; their donors are gone, and nothing speaks against them. */
  isSafe(chunk: ChunkId): boolean {
    const accepted = this.#accepted.get(chunk);
    return accepted === undefined || accepted.sure || (this.#underCheck.get(accepted.donor)?.size ?? 0) === 0;
  }
}
