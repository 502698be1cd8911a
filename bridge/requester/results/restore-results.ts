import type { PreparedJob } from "../prepare/prepared-job.ts";
import type { FrameAssembler } from "../delivery/frame-assembler.ts";
import type { TilePublisher } from "../delivery/tile-publisher.ts";
import type { JobFiles, JobMedia } from "../ports.ts";
import { deliveredChunks } from "./restored-results.ts";
import type { ResultReceiver } from "./result-receiver.ts";
import { maxFloatBytes } from "./result-shape.ts";

export interface RestoreDeps {
  readonly media: Pick<JobMedia, "check">;
  readonly files: JobFiles;
  readonly results: ResultReceiver;
  readonly assembly: FrameAssembler;
  readonly tiles: TilePublisher | undefined;
}

/** At resume: accepted results of unfinished frames go into their places again; whatever else lies there goes. */
export async function restoreResults(
  deps: RestoreDeps,
  prepared: Pick<PreparedJob, "plan" | "journalState">,
  signal: AbortSignal,
): Promise<void> {
  const { media, files, results, assembly, tiles } = deps;
  const chunks = new Map(prepared.plan.chunks.map((chunk) => [chunk.id, chunk]));
  const delivered = deliveredChunks(prepared);
  const wanted = [...prepared.journalState.accepted.values()].filter(({ chunk }) => !delivered.has(chunk));
  await files.sweepResults(
    new Set(wanted.flatMap((each) => each.files.map(({ sha256 }) => files.resultPath(each.chunk, each.donor, sha256)))),
  );
  for (const accepted of wanted) {
    const chunk = chunks.get(accepted.chunk);
    if (!chunk) continue;
    results.restore(accepted.chunk, accepted.donor, accepted.files);
    const raw = accepted.files.find(({ role }) => role === "raw");
    if (chunk.spec.kind === "raw" && raw && !(await results.summaryOf(chunk.spec))) {
      const { rect } = chunk.spec;
      const expectation = { width: rect.width, height: rect.height, maxBytes: maxFloatBytes(rect.width, rect.height) };
      results.learn(chunk.spec, media.check(files.resultPath(accepted.chunk, accepted.donor, raw.sha256), expectation, signal));
    }
    await tiles?.show(chunk, accepted.donor, accepted.files, signal);
    await assembly.add(accepted.chunk, accepted, signal);
  }
}
