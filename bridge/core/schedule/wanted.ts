import type { ChunkId, DonorId } from "../plan/chunk.ts";
import type { Schedule } from "./schedule.ts";

/** Whether a donor's result of a chunk is still needed: it is being rendered or checked, or it was accepted. */
export function isNeeded({ chunks, checks }: Schedule, id: ChunkId, donor: DonorId): boolean {
  const chunk = chunks.get(id);
  return chunk?.leases.has(donor) === true || chunk?.accepted?.donor === donor || checks.get(donor)?.has(id) === true;
}

/** Chunks that donors are rendering now, with their predicted seconds. */
export function runningChunks({
  running,
}: Schedule): readonly { readonly chunk: ChunkId; readonly donor: DonorId; readonly startedAtMs: number }[] {
  return [...running].flatMap(({ leases }) =>
    [...leases.values()].flatMap(({ chunk, donor, phase, startedAtMs }) =>
      phase === "leased" && startedAtMs !== undefined ? [{ chunk, donor, startedAtMs }] : [],
    ),
  );
}
