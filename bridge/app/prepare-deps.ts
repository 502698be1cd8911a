import { join } from "node:path";
import { packBundle, type PackedBundle } from "../content/pack.ts";
import { systemClock } from "../kernel/clock.ts";
import type { PrepareDeps } from "../requester/prepare-job.ts";
import type { ChosenBlender } from "./blender-tools.ts";
import type { Workshop } from "./work-on-task.ts";

/** What preparing a job needs of this machine; the packed scene is left in `packed`. */
export function prepareDeps(
  { home, database }: Pick<Workshop, "home" | "database">,
  { blender, inspect, job: id }: { readonly blender: ChosenBlender; readonly inspect: PrepareDeps["inspect"]; readonly job: string },
  packed: { bundle?: PackedBundle },
): PrepareDeps {
  return {
    blender: blender.build,
    deviceClass: blender.deviceClass,
    inspect,
    pack: async (files, _scenePath, signal) => {
      packed.bundle = await packBundle(files, { cacheDir: join(home.cache, "packs") }, signal);
      return packed.bundle;
    },
    newId: () => id,
    history: {
      append: async (job, records) => {
        const [first] = records;
        const nowMs = systemClock.now();
        if (first?.type === "job-created") {
          const { createdAt, title } = database.jobs.get(job) ?? { createdAt: nowMs, title: titleOf(first.scenePath) };
          database.jobs.put({ id: job, createdAt, updatedAt: nowMs, scenePath: first.scenePath, title, state: "running" });
        }
        if (first?.type === "resumed") database.jobs.setState(job, "running", nowMs);
        await database.journal.append(job, records);
      },
      read: (job) => database.journal.read(job).map(({ record }) => record),
    },
  };
}

export function titleOf(scenePath: string): string {
  return scenePath.split(/[\\/]/).at(-1) ?? scenePath;
}
