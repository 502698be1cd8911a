import type { ServedBridge } from "../../gateway/ports.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { ProcessContext } from "../job/job-context.ts";
import type { JobQueue } from "./job-queue.ts";
import type { ServedJobsStore } from "./served-jobs-store.ts";
import { isAnnounced } from "../../gateway/announced-files.ts";
import { Uploads } from "./uploads.ts";

/** Files that clients on other disks may upload and download. */
export function createFileTransfers(
  { world, home }: Pick<ProcessContext, "world" | "home">,
  queue: JobQueue,
  store: ServedJobsStore,
): Pick<ServedBridge, "receive" | "mayTake"> {
  const uploads = new Uploads(world, home.uploads, (folder) => store.usesUpload(folder));
  // A client downloads the files of one job after the other; the journal is read when a file is not in the cached list.
  let known: { readonly job: string; readonly outputs: ReadonlySet<string> } | undefined;
  const isOutput = (job: string, path: string) => {
    if (known?.job !== job || !known.outputs.has(path)) known = { job, outputs: new Set(store.outputs(job)) };
    return known.outputs.has(path);
  };
  return {
    receive: (name, bytes) => uploads.receive(name, bytes),
    mayTake: async (id, path) => {
      const job = queue.get(id);
      const raw = (await store.rawFrames(job))?.all ?? [];
      if (isAnnounced(path, { events: job.events, raw, isOutput: () => isOutput(id, path) })) return;
      throw new FarmError("FILE_NOT_OF_JOB", `job ${id} has not announced ${path}`);
    },
  };
}
