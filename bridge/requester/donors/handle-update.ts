import type { Chunk, ChunkId } from "../../core/plan/chunk.ts";
import { type JobEvent, placeOf } from "../../core/job/job-events.ts";
import { ERROR_CODES, type ErrorCode } from "../../kernel/error-codes.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { DonorLink, DonorUpdate } from "./donor-link.ts";
import type { ResultReceiver } from "../results/result-receiver.ts";
import type { StatsCollector } from "../stats-collector.ts";
import type { UntimedEvent } from "../untimed-event.ts";

export interface Hearing {
  readonly chunks: ReadonlyMap<ChunkId, Chunk>;
  readonly results: Pick<ResultReceiver, "commit">;
  readonly stats: StatsCollector;
  readonly observe: (event: JobEvent) => void;
  say(said: UntimedEvent): void;
  fail(error: unknown): void;
}

/** What a donor says of its work, brought to the schedule and to whoever watches. */
export function handleUpdate(
  { chunks, results, stats, observe, say, fail }: Hearing,
  link: DonorLink,
  updates: Exclude<DonorUpdate, { type: "gone" }>,
): void {
  const donor = link.id;
  // Whatever it says shows that it lives; where the schedule hears the word itself, it needs no other.
  if (updates.type !== "rendered" && updates.type !== "availability") say({ type: "heartbeat", donor });
  switch (updates.type) {
    case "alive":
      return;
    case "availability":
      observe({ event: "donor-availability", donor, name: link.name, open: updates.open, reason: updates.reason });
      return say({ type: "donor-availability", donor, open: updates.open });
    case "scene":
      return observe({ event: "scene-progress", donor, bytesDone: updates.bytesDone, bytesTotal: updates.bytesTotal });
    case "started": {
      const chunk = chunks.get(updates.chunk);
      return chunk && observe({ event: "chunk-started", chunk: chunk.id, donor, place: placeOf(chunk) });
    }
    case "rendered":
      // The first word about a lease counts: what is checked must be what was committed to.
      if (!results.commit(updates.chunk, donor, updates.files, updates.deviceClass ?? link.deviceClass)) return;
      stats.rendered(updates.chunk, donor, updates.seconds);
      return say({ type: "chunk-rendered", chunk: updates.chunk, donor, seconds: updates.seconds });
    case "failed": {
      const code = updates.code in ERROR_CODES ? (updates.code as ErrorCode) : "BLENDER_SCRIPT_FAILED";
      if (link.trusted && code === "SCENE_CHANGED") return fail(new FarmError(code, updates.message)); // nobody can render it here any more
      stats.failed(updates.chunk, updates.message);
      observe({ event: "chunk-failed", chunk: updates.chunk, donor, code, message: updates.message });
      return say({ type: "chunk-failed", chunk: updates.chunk, donor, code, kind: updates.kind });
    }
  }
}
