import { chunkPlaceOf } from "../../core/job/job-events.ts";
import { ERROR_CODES, type ErrorCode } from "../../kernel/error-codes.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { ResultReceiver } from "../results/result-receiver.ts";
import type { RunContext } from "../run/run-context.ts";
import type { DonorLink, DonorUpdate } from "./donor-link.ts";

/** Brings what a donor says of its work to the schedule and to people. */
export function handleUpdate(
  results: Pick<ResultReceiver, "commit">,
  { chunks, report: { stats, observe }, tell, fail }: Pick<RunContext, "chunks" | "report" | "tell" | "fail">,
  link: DonorLink,
  update: Exclude<DonorUpdate, { type: "gone" }>,
): void {
  const donor = link.id;
  // Every message shows that the donor lives. Where the schedule hears the message itself, it needs no heartbeat.
  if (update.type !== "rendered" && update.type !== "availability") tell({ type: "heartbeat", donor });
  switch (update.type) {
    case "alive":
      return;
    case "availability":
      observe({ event: "donor-availability", donor, name: link.name, open: update.open, reason: update.reason });
      return tell({ type: "donor-availability", donor, open: update.open });
    case "scene":
      return observe({ event: "scene-progress", donor, bytesDone: update.bytesDone, bytesTotal: update.bytesTotal });
    case "started": {
      const chunk = chunks.get(update.chunk);
      return chunk && observe({ event: "chunk-started", chunk: chunk.id, donor, place: chunkPlaceOf(chunk) });
    }
    case "rendered":
      // The first message about a lease counts: what is checked must be what the donor committed to.
      if (!results.commit(update.chunk, donor, update.files, update.deviceClass ?? link.deviceClass)) return;
      stats.rendered(update.chunk, donor, update.seconds);
      return tell({ type: "chunk-rendered", chunk: update.chunk, donor, seconds: update.seconds });
    case "failed": {
      const code = Object.hasOwn(ERROR_CODES, update.code) ? (update.code as ErrorCode) : "BLENDER_SCRIPT_FAILED";
      if (link.trusted && code === "SCENE_CHANGED") return fail(new FarmError(code, update.message)); // nobody can render it here any more
      stats.failed(update.chunk, update.message);
      observe({ event: "chunk-failed", chunk: update.chunk, donor, code, message: update.message });
      return tell({ type: "chunk-failed", chunk: update.chunk, donor, code, kind: update.kind });
    }
  }
}
