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
  update: Exclude<DonorUpdate, { type: "gone" }>,
): void {
  const donor = link.id;
  // Whatever it says shows that it lives; where the schedule hears the word itself, it needs no other.
  if (update.type !== "rendered" && update.type !== "availability") say({ type: "heartbeat", donor });
  switch (update.type) {
    case "alive":
      return;
    case "availability":
      observe({ event: "donor-availability", donor, name: link.name, open: update.open, reason: update.reason });
      return say({ type: "donor-availability", donor, open: update.open });
    case "scene":
      return observe({ event: "scene-progress", donor, bytesDone: update.bytesDone, bytesTotal: update.bytesTotal });
    case "started": {
      const chunk = chunks.get(update.chunk);
      return chunk && observe({ event: "chunk-started", chunk: chunk.id, donor, place: placeOf(chunk) });
    }
    case "rendered":
      // The first word about a lease counts: what is checked must be what was committed to.
      if (!results.commit(update.chunk, donor, update.files, update.deviceClass ?? link.deviceClass)) return;
      stats.rendered(update.chunk, donor, update.seconds);
      return say({ type: "chunk-rendered", chunk: update.chunk, donor, seconds: update.seconds });
    case "failed": {
      const code = update.code in ERROR_CODES ? (update.code as ErrorCode) : "BLENDER_SCRIPT_FAILED";
      if (link.trusted && code === "SCENE_CHANGED") return fail(new FarmError(code, update.message)); // nobody can render it here any more
      stats.failed(update.chunk, update.message);
      observe({ event: "chunk-failed", chunk: update.chunk, donor, code, message: update.message });
      return say({ type: "chunk-failed", chunk: update.chunk, donor, code, kind: update.kind });
    }
  }
}
