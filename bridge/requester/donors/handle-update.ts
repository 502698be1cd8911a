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
  readonly tally: StatsCollector;
  readonly observe: (event: JobEvent) => void;
  say(said: UntimedEvent): void;
  fail(error: unknown): void;
}

/** What a donor says of its work, brought to the schedule and to whoever watches. */
export function hearDonor(
  { chunks, results, tally, observe, say, fail }: Hearing,
  link: DonorLink,
  news: Exclude<DonorUpdate, { type: "gone" }>,
): void {
  const donor = link.id;
  // Whatever it says shows that it lives; where the schedule hears the word itself, it needs no other.
  if (news.type !== "rendered" && news.type !== "availability") say({ type: "heartbeat", donor });
  switch (news.type) {
    case "alive":
      return;
    case "availability":
      observe({ event: "donor-availability", donor, name: link.name, open: news.open, reason: news.reason });
      return say({ type: "donor-availability", donor, open: news.open });
    case "scene":
      return observe({ event: "scene-progress", donor, bytesDone: news.bytesDone, bytesTotal: news.bytesTotal });
    case "started": {
      const chunk = chunks.get(news.chunk);
      return chunk && observe({ event: "chunk-started", chunk: chunk.id, donor, place: placeOf(chunk) });
    }
    case "rendered":
      // The first word about a lease counts: what is checked must be what was committed to.
      if (!results.commit(news.chunk, donor, news.files, news.deviceClass ?? link.deviceClass)) return;
      tally.rendered(news.chunk, donor, news.seconds);
      return say({ type: "chunk-rendered", chunk: news.chunk, donor, seconds: news.seconds });
    case "failed": {
      const code = news.code in ERROR_CODES ? (news.code as ErrorCode) : "BLENDER_SCRIPT_FAILED";
      if (link.trusted && code === "SCENE_CHANGED") return fail(new FarmError(code, news.message)); // nobody can render it here any more
      tally.failed(news.chunk, news.message);
      observe({ event: "chunk-failed", chunk: news.chunk, donor, code, message: news.message });
      return say({ type: "chunk-failed", chunk: news.chunk, donor, code, kind: news.kind });
    }
  }
}
