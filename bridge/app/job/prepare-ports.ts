import { join } from "node:path";
import { tryOutputFile, tryOutputFolder } from "../../blender/inspect/try-output.ts";
import type { PackedBundle } from "../../content/bundle/pack.ts";
import type { PreparePorts } from "../../requester/prepare/prepare-job.ts";
import type { ChosenBlender } from "./blender-slots.ts";
import type { SentScene } from "./sent-scene.ts";
import type { ProcessContext } from "./job-context.ts";

/** The job, and what is known before it is prepared. */
export interface JobToPrepare {
  readonly id: string;
  readonly blender: ChosenBlender;
  readonly inspect: PreparePorts["inspect"];
  readonly sent: SentScene;
  /** A folder for the copy of its scene until the job exists. */
  readonly waitingRoom: () => Promise<string>;
  /** The manifest of a resumed job. */
  readonly begun: string | undefined;
}

/** The ports for preparing a job on this machine; the packed scene is stored in `packed`. */
export function preparePorts(
  { world, home, database }: Pick<ProcessContext, "world" | "home" | "database">,
  { id, blender, inspect, sent, waitingRoom, begun }: JobToPrepare,
  packed: { bundle?: PackedBundle },
): PreparePorts {
  return {
    blender: blender.build,
    deviceClass: blender.deviceClass,
    inspect: async (request, signal) => await sent.inspected(() => inspect(request, signal), await waitingRoom()),
    pack: async (files, _scenePath, signal) => {
      const settings = { cacheDir: join(home.cache, "packs"), waitingRoom: await waitingRoom(), begun };
      packed.bundle = await sent.pack(files, settings, signal);
      return packed.bundle;
    },
    tryOutput: tryOutputFolder,
    tryOutputFile,
    newId: () => id,
    history: {
      append: async (job, records) => {
        const [first] = records;
        const nowMs = world.clock.now();
        if (first?.type === "job-created") {
          const { createdAt, title } = database.jobs.get(job) ?? { createdAt: nowMs, title: sceneTitleOf(first.scenePath) };
          database.jobs.put({ id: job, createdAt, updatedAt: nowMs, scenePath: first.scenePath, title, state: "running" });
        }
        if (first?.type === "resumed") database.jobs.setState(job, "running", nowMs);
        await database.journal.append(job, records);
      },
      read: (job) => database.journal.read(job).map(({ record }) => record),
    },
  };
}

export function sceneTitleOf(scenePath: string): string {
  return scenePath.split(/[\\/]/).at(-1) ?? scenePath;
}
