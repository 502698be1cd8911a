import type { Chunk, ChunkId, DonorId } from "../../core/plan/chunk.ts";
import { messageOf } from "../../kernel/errors.ts";
import type { DonorLink } from "../donors/donor-link.ts";
import type { PreviewStitcher } from "../ports.ts";
import type { RunContext } from "../run/run-context.ts";
import { failureOrigin } from "./failure-origin.ts";
import type { ResultReceiver } from "./result-receiver.ts";

/** Where results come to lie, and who shows people small pictures of them. */
export interface FetchResultPorts {
  readonly receiver: Pick<ResultReceiver, "take" | "withPreview">;
  readonly preview: Pick<PreviewStitcher, "add">;
}

/**
 * Brings one result here and tells the schedule: `result-fetched` when it is whole and sound, `result-refused` when it is
 * not, nothing when it was withdrawn meanwhile. A failure of this machine ends the run.
 */
export async function fetchResult(ports: FetchResultPorts, context: RunContext, chunk: Chunk, donor: DonorLink): Promise<void> {
  const showing = showPreview(ports, context, chunk, donor);
  try {
    const fetched = await ports.receiver.take(chunk, donor, context.signal);
    await showing; // the donor drops the preview with the result
    if (fetched === undefined) return;
    context.report.stats.fetched(chunk.id, donor.id, fetched.bytes, donor.trusted);
    context.tell({ type: "result-fetched", chunk: chunk.id, donor: donor.id, sha256: fetched.sha256, suspicious: fetched.suspicious });
  } catch (error) {
    refuse(context, chunk.id, donor.id, error);
  } finally {
    await showing; // joined also when the result was refused
  }
}

/** A donor answers for what is its own fault, and for nothing else. */
function refuse({ signal, report, tell, fail }: RunContext, chunk: ChunkId, donor: DonorId, error: unknown): void {
  if (signal.aborted) return;
  const code = failureOrigin(error);
  if (code === "ours") return fail(error);
  report.observe({ event: "chunk-failed", chunk, donor, code, message: messageOf(error) });
  tell({ type: "result-refused", chunk, donor, code });
}

async function showPreview({ receiver, preview }: FetchResultPorts, { signal, report, log }: RunContext, chunk: Chunk, donor: DonorLink) {
  if (chunk.spec.kind !== "raw") return;
  const { rect, width, height, frame } = chunk.spec;
  const show = async (path: string) => {
    const shown = await preview.add({ path, rect, tileRect: chunk.tileRect ?? rect }, frame, { x: 0, y: 0, width, height });
    report.observe({ event: "preview", path: shown });
  };
  try {
    await receiver.withPreview(chunk.id, donor, show, signal);
  } catch (error) {
    log.debug({ chunk: chunk.id, error }, "a preview could not be shown");
  }
}
