import type { Home } from "../../config/home.ts";
import type { JobOutcome } from "../../core/job/job-events.ts";
import { openDatabase } from "../../database/open-database.ts";
import { isFarmError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/world.ts";
import { lockHome } from "../../network/node/home-lock.ts";
import { checkPeerAddresses } from "../swarm/check-addresses.ts";
import type { SwarmOptions } from "../swarm/open-swarm.ts";
import { RequesterSwarm } from "../swarm/requester-swarm.ts";
import { openScratch } from "../job/scratch.ts";
import { SharedSwarm } from "../swarm/shared-swarm.ts";
import type { Task, JobCallbacks, WorkSettings } from "../job/job-context.ts";
import { runJob } from "../job/run-job.ts";
import { showCommands } from "./job-commands.ts";

export interface RenderSettings extends WorkSettings {
  readonly home: Home;
  readonly swarm: SwarmOptions;
}

/** Renders a scene, or resumes a job, on this machine and the swarm. */
export async function render(
  world: World,
  settings: RenderSettings,
  { task, watching }: { readonly task: Task; readonly watching: JobCallbacks },
  signal: AbortSignal,
): Promise<JobOutcome> {
  const { home, compute } = settings;
  await checkPeerAddresses(compute.peers === "all" ? [] : compute.peers, settings.swarm.bootstrap);
  await using database = openDatabase(home.database, {
    onCorrupt: (message) => watching.observe({ event: "note", code: "DATABASE_CORRUPT", message }),
  });
  await using scratch = await openScratch(world.disk, home);
  await using lock = await lockBesideDonor(home);
  await using swarm = new SharedSwarm(() => RequesterSwarm.open(lock && home, settings.swarm, { world, log: watching.log }, signal));
  const onCommand = showCommands({ jobs: database.jobs, clock: world.clock, log: watching.log }, task.job, watching.observe);
  return await runJob({ world, home, database, scratch, swarm }, settings, { task, watching: { ...watching, onCommand } }, signal);
}

/** Without an identity beside a donor of the same home: two nodes with one identity would get each other's messages. */
async function lockBesideDonor(home: Home): Promise<AsyncDisposable | undefined> {
  return await lockHome(home.root).catch((error: unknown) => {
    if (isFarmError(error, "HOME_BUSY")) return undefined;
    throw error;
  });
}
