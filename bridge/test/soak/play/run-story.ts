import { spawn } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requestByCommand } from "./command-requester.ts";
import { DonorActor } from "./donor-actor.ts";
import { type Fault, leftOver, lost } from "../story/fault.ts";
import { Happenings, passed } from "../story/happenings.ts";
import { type Ending, type JobPlace, sceneFolderOf } from "./job-place.ts";
import { judge, leftInHome } from "../oracle.ts";
import { describeProcesses, endProcess, processesOf } from "./our-processes.ts";
import { referenceOf, type Reference } from "./reference.ts";
import { ServeHost } from "./serve-host.ts";
import { requestByDoor } from "./served-requester.ts";
import type { JobStory, Story } from "../story/story.ts";
import { timeLimit, timeLimitSignal } from "../../time/time-limit.ts";
import { copyScene, type WorkFolder } from "./work-folder.ts";

/** Limit without events on a busy machine, plus a multiple of plain Blender's time. */
const PATIENCE = { baseMs: 120_000, timesReference: 20 } as const;
/** Time for ended processes to disappear. */
const GONE_MS = 8_000;

export interface StoryRun {
  readonly seconds: number;
  readonly faults: readonly Fault[];
  readonly folder: string;
}

interface Cast {
  readonly work: WorkFolder;
  readonly story: Story;
  readonly folder: string;
  readonly swarm: string;
  readonly temporary: string;
  readonly happenings: Happenings;
  readonly homes: readonly string[];
}

/** Plays a story and checks its outcome; its files stay in `folder`. */
export async function runStory(work: WorkFolder, story: Story, folder: string): Promise<StoryRun> {
  const startMs = performance.now();
  const cast = await castOf(work, story, folder);
  const references = [];
  for (const job of story.jobs) references.push(await referenceOf(work, job));
  const faults: Fault[] = [];
  try {
    faults.push(...(await play(cast, references)));
  } catch (error) {
    faults.push(lost(`the soak stopped: ${String(error).slice(0, 300)}`));
  }
  // Files of a job that did not end are kept for a resume.
  const left = await leftBy(cast);
  const isDone = !faults.some(({ kind }) => kind === "lost" || kind === "hung");
  faults.push(...left.filter(({ what }) => isDone || !what.includes(join(folder, "home-"))));
  return { seconds: (performance.now() - startMs) / 1000, faults, folder };
}

async function castOf(work: WorkFolder, story: Story, folder: string): Promise<Cast> {
  const temporary = join(folder, "tmp");
  await mkdir(temporary, { recursive: true });
  await writeFile(join(folder, "story.json"), JSON.stringify(story, undefined, 2));
  const homes = [0, 1].map((home) => join(folder, `home-${home}`));
  const swarm = `soak-${process.pid}-${Math.round(performance.now())}`;
  return { work, story, folder, temporary, homes, swarm, happenings: new Happenings() };
}

async function play(cast: Cast, references: readonly Reference[]): Promise<Fault[]> {
  const { story } = cast;
  const faults: Fault[] = [];
  const donors = await Promise.all(story.donors.map((_, index) => startDonor(cast, index)));
  const handles = await Promise.all(donors.map((donor) => donor.handles()));
  const stop = new AbortController();
  const busy = Array.from({ length: story.busyLoops }, () => spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }));
  const lives = donors.map((donor, index) => donor.live(story.donors[index]?.events ?? [], cast.happenings, stop.signal));
  const hosts = cast.homes.map((home) => new ServeHost({ home, swarm: cast.swarm, folder: cast.folder, temporary: cast.temporary }));
  try {
    const addresses = donors.map(({ address }) => address);
    faults.push(...(await playJobs(cast, { references, addresses, hosts })));
  } finally {
    stop.abort();
    const lived = await Promise.allSettled(lives);
    faults.push(...lived.flatMap((life) => (life.status === "rejected" ? [lost(`a donor: ${String(life.reason)}`)] : [])));
    busy.forEach((loop) => loop.kill("SIGKILL"));
    await Promise.all(hosts.map((host) => host.close()));
    await Promise.all(donors.map((donor, index) => donor.checkHandles(handles[index]!)));
    await Promise.all(donors.map((donor) => donor.stop()));
    faults.push(...[...hosts, ...donors].flatMap((each) => each.faults));
  }
  return faults;
}

function donorHome({ work, story, folder }: Pick<Cast, "work" | "story" | "folder">, index: number): string {
  return story.donors[index]?.home === "kept" ? join(work.donors, `${index}`) : join(folder, `donor-${index}`);
}

async function startDonor(cast: Cast, index: number): Promise<DonorActor> {
  const { swarm, folder, temporary, story } = cast;
  const slots = story.donors[index]?.slots ?? 1;
  return await DonorActor.start({ home: donorHome(cast, index), swarm, slots, folder, temporary, name: `donor-${index}` });
}

interface Stage {
  readonly references: readonly Reference[];
  readonly addresses: readonly string[];
  readonly hosts: readonly ServeHost[];
}

async function playJobs(cast: Cast, { references, addresses, hosts }: Stage): Promise<Fault[]> {
  using bound = cast.happenings.stillFor(boundOf(cast.story, references));
  const places = await Promise.all(cast.story.jobs.map((job, index) => placeOf(cast, job, { index, addresses })));
  const request = async (job: JobStory, index: number): Promise<Ending> =>
    job.through === "serve"
      ? await requestByDoor(job, places[index]!, hosts[job.home]!, bound.signal)
      : await requestByCommand(job, places[index]!, bound.signal);
  const endings = await Promise.all(cast.story.jobs.map(request));
  const faults: Fault[] = [];
  if (endings.some((ending) => ending.faults.some(({ kind }) => kind === "hung"))) await tellOfHang(cast, endings);
  for (const [index, ending] of endings.entries()) {
    const job = cast.story.jobs[index]!;
    faults.push(...(await judge(cast.work, job, places[index]!, { ...ending, reference: references[index]! })));
  }
  return faults;
}

async function placeOf(
  cast: Cast,
  job: JobStory,
  at: { readonly index: number; readonly addresses: readonly string[] },
): Promise<JobPlace> {
  const name = `job-${at.index}`;
  const folder = join(cast.folder, name);
  const place = {
    name,
    folder,
    home: cast.homes[job.home]!,
    swarm: cast.swarm,
    temporary: cast.temporary,
    donors: at.addresses,
    happenings: cast.happenings,
    scenePath: "",
  };
  return { ...place, scenePath: await copyScene(cast.work, job.scene, sceneFolderOf(place)) };
}

function boundOf(story: Story, references: readonly Reference[]): number {
  const events = [...story.jobs.flatMap((job) => job.events), ...story.donors.flatMap((donor) => donor.events)];
  const restMs = events.reduce((sum, { forMs, at }) => sum + forMs + at.plusMs, 0);
  const rendered = references.reduce((sum, { seconds }) => sum + seconds * 1000, 0);
  return Math.round(timeLimit(PATIENCE.baseMs) + PATIENCE.timesReference * rendered + restMs);
}

/** Records what the processes of a hanging story are doing, before they are killed. */
async function tellOfHang({ work, folder }: Cast, endings: readonly Ending[]): Promise<void> {
  const events = endings.map(({ all }) => all.slice(-8).map((line) => JSON.stringify(line).slice(0, 400)));
  const text = `${await describeProcesses(await processesOf(work.root))}\n\n${events.map((each) => each.join("\n")).join("\n\n")}\n`;
  await writeFile(join(folder, "hang.txt"), text);
  process.stdout.write(`${text}\n`);
}

/** Leftovers that a story must not have. */
async function leftBy(cast: Cast): Promise<Fault[]> {
  const { work, story, homes, temporary } = cast;
  const faults: Fault[] = [];
  const signal = timeLimitSignal(GONE_MS);
  let processes = await processesOf(work.root);
  while (processes.length > 0 && (await passed(200, signal))) processes = await processesOf(work.root);
  for (const { pid, command } of processes) {
    faults.push(leftOver(`process ${pid}: ${command}`));
    endProcess(pid);
  }
  for (const home of [...homes, ...story.donors.map((_, index) => donorHome(cast, index))]) faults.push(...(await leftInHome(home)));
  const wasKilled = [...story.jobs, ...story.donors].some(({ events }) => events.some(({ what }) => what === "kill"));
  const temporaries = await readdir(temporary);
  if (temporaries.length > 0 && !wasKilled) faults.push(leftOver(`temporary files: ${temporaries.slice(0, 4).join(", ")}`));
  return faults;
}
