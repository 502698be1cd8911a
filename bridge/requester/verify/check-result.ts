import type { Chunk, DeviceClass, DonorId } from "../../core/plan/chunk.ts";
import type { Verdict } from "../../core/schedule/types.ts";
import { isFarmError, messageOf } from "../../kernel/errors.ts";
import type { ResultReceiver } from "../results/result-receiver.ts";
import type { RunContext } from "../run/run-context.ts";
import type { Checker } from "./checker.ts";

/** Who compares a result with a render of this machine. */
export interface CheckPorts {
  readonly checker: Pick<Checker, "check">;
  readonly receiver: Pick<ResultReceiver, "classOf" | "files">;
  /** Whether this device class makes the same bits as the checker. */
  readonly sameClass: (deviceClass: DeviceClass) => boolean;
}

/**
 * Checks one result and tells the schedule: `result-checked`, or `result-refused` with CHECK_FAILED when this machine could
 * not look at it. Nothing is accepted because it could not be looked at: it is rendered elsewhere.
 */
export async function checkResult(ports: CheckPorts, context: RunContext, chunk: Chunk, donor: DonorId): Promise<void> {
  const { signal, report, tell } = context;
  const verdict = await verdictOn(ports, context, chunk, donor);
  if (signal.aborted) return;
  report.stats.checked();
  if (verdict instanceof Error) {
    report.observe({ event: "chunk-failed", chunk: chunk.id, donor, code: "CHECK_FAILED", message: messageOf(verdict) });
    return tell({ type: "result-refused", chunk: chunk.id, donor, code: "CHECK_FAILED" });
  }
  report.observe({ event: "chunk-checked", chunk: chunk.id, donor, verdict });
  tell({ type: "result-checked", chunk: chunk.id, donor, verdict });
}

/** What the check found; the error when it could not be made at a second try either. */
async function verdictOn(
  { checker, receiver, sameClass }: CheckPorts,
  { signal, log, fail }: RunContext,
  chunk: Chunk,
  donor: DonorId,
): Promise<Verdict | Error> {
  const deviceClass = receiver.classOf(chunk.id, donor);
  const isSameClass = deviceClass !== undefined && sameClass(deviceClass);
  let failure: unknown;
  for (let attempt = 1; attempt <= 2; attempt++) {
    try {
      return await checker.check(chunk, { donor, files: receiver.files(chunk.id, donor) }, isSameClass, signal);
    } catch (error) {
      failure = error;
      if (signal.aborted) break;
      log.warn({ chunk: chunk.id, error }, "a check could not be made");
      if (isFarmError(error, "SCENE_CHANGED") || isFarmError(error, "DISK_FULL")) {
        fail(error);
        break;
      }
    }
  }
  return failure instanceof Error ? failure : new Error(messageOf(failure));
}
