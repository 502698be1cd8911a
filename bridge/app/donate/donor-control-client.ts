import type { Home } from "../../config/home.ts";
import { chooseGpus } from "../../core/gpu/choose-gpus.ts";
import { parseTerms, textsOf, type TermName, type TermTexts } from "../../core/terms/parse-terms.ts";
import { termsInForce } from "../../core/terms/terms-in-force.ts";
import type { OwnerCommand } from "../../core/terms/decide.ts";
import { openDatabase } from "../../database/open-database.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/world.ts";
import { listGpus } from "../../machine/gpus.ts";
import { appendAllowedEnvironment } from "../environments/environment-requests.ts";
import { type DonorStatus, readStatus } from "./donor-status.ts";
import { OwnerSettings } from "./owner-settings.ts";

/** A donor that does not answer within this time counts as not running. */
const ANSWER_MS = 3_000;
const LOOK_MS = 50;

type Seen = Pick<World, "clock" | "disk">;

/** The status of this home's donor. Throws DONOR_NOT_RUNNING. */
export async function donorStatus(world: Seen, home: Home): Promise<DonorStatus> {
  const status = await readStatus(world, home);
  if (!status) throw new FarmError("DONOR_NOT_RUNNING", `no donor runs with the home ${home.root}`);
  return status;
}

/**
 * Sets and stores terms of this home's donor; an undefined text restores the default. A running donor
 * applies them at once, and its status is returned. Throws USAGE, without setting any.
 */
export async function setTerms(
  world: Seen,
  home: Home,
  texts: Readonly<Partial<Record<TermName, string | undefined>>>,
): Promise<{ readonly terms: TermTexts; readonly running: DonorStatus | undefined }> {
  const gpus = texts.gpus === undefined ? undefined : await listGpus();
  const terms = await withSettings(home, (settings) => {
    if (gpus !== undefined) chooseGpus(gpus, parseTerms({ gpus: texts.gpus ?? "none" }).gpus);
    settings.setTerms(texts, world.clock.now());
    return textsOf(termsInForce({}, 0, settings.terms()));
  });
  const follows = ({ terms: now }: DonorStatus) => Object.entries(texts).every(([name, text]) => now[name] === text);
  return { terms, running: (await readStatus(world, home)) && (await statusWhen(world, home, follows)) };
}

/** Pauses this home's donor (at once, or after its running chunks), or resumes it. Throws DONOR_NOT_RUNNING. */
export async function commandDonor(world: Seen, home: Home, command: OwnerCommand | undefined): Promise<DonorStatus> {
  await donorStatus(world, home);
  await withSettings(home, (settings) => settings.setCommand(command, world.clock.now()));
  const state = command === "freeze" ? "paused" : "closed";
  return await statusWhen(world, home, ({ availability }) =>
    command === undefined
      ? availability.state === "open" || availability.code !== "owner"
      : availability.state === state || availability.state === "paused",
  );
}

/** Allows an environment that a job has requested. Throws DONOR_NOT_RUNNING. */
export async function allowEnvironment(world: Seen, home: Home, digest: string): Promise<void> {
  const { environments } = (await donorStatus(world, home)).terms;
  await setTerms(world, home, { environments: appendAllowedEnvironment(environments, digest) });
}

/** Evicts a job; a prefix of its id is enough. Throws DONOR_NOT_RUNNING, JOB_UNKNOWN. */
export async function evictJob(world: Seen, home: Home, id: string): Promise<string> {
  const { jobs } = await donorStatus(world, home);
  const matches = [...new Set(jobs.map(({ job }) => job).filter((job) => job.startsWith(id)))];
  const [job] = matches;
  if (job === undefined || matches.length > 1) {
    const here = jobs.map((open) => open.job).join(", ") || "none";
    throw new FarmError("JOB_UNKNOWN", `this donor works on ${matches.length > 1 ? "several jobs" : "no job"} ${id}`, {
      advice: `Its jobs are: ${here}.`,
    });
  }
  await withSettings(home, (settings) => settings.evict(job, world.clock.now()));
  await statusWhen(world, home, (status) => !status.jobs.some((open) => open.job === job));
  return job;
}

/** Waits for the wanted status. Throws DONOR_NOT_RUNNING when that takes too long. */
async function statusWhen(world: Seen, home: Home, fits: (status: DonorStatus) => boolean): Promise<DonorStatus> {
  const deadlineMs = world.clock.monotonicMs() + ANSWER_MS;
  while (world.clock.monotonicMs() < deadlineMs) {
    const status = await readStatus(world, home);
    if (status && fits(status)) return status;
    await world.clock.sleep(LOOK_MS);
  }
  throw new FarmError("DONOR_NOT_RUNNING", `the donor of the home ${home.root} does not answer`);
}

async function withSettings<T>(home: Home, use: (settings: OwnerSettings) => T): Promise<T> {
  await using database = openDatabase(home.database);
  return use(new OwnerSettings(database.settings));
}
