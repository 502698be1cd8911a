// Randomised honest work against the real program: `npm run soak`. Searches for lost work.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeStory } from "./story/make-story.ts";
import { endProcess, processesOf } from "./play/our-processes.ts";
import { runStory, type StoryRun } from "./play/run-story.ts";
import { shrinkStory } from "./story/shrink.ts";
import { type SoakOptions, soakOptions, USAGE } from "./soak-options.ts";
import { Story } from "./story/story.ts";
import { slowness } from "../time/slowness.ts";
import { lineOf, Tally } from "./tally.ts";
import { openWorkFolder, type WorkFolder } from "./play/work-folder.ts";

/** Where the runners leave their counts, for .ci/run to add up. */
const REPORTS = fileURLToPath(new URL("../../../.reports", import.meta.url));

const print = (text: string) => process.stdout.write(`${text}\n`);

/** Plays stories until the number of jobs or the time is reached; returns the exit code. */
async function soak(options: SoakOptions): Promise<number> {
  const work = await openWorkFolder(options.work);
  const tally = new Tally();
  const startMs = performance.now();
  const msSpent = () => performance.now() - startMs;
  const isOver = () => tally.jobs >= options.jobs || msSpent() > options.minutes * 60_000;
  for (const story of storiesOf(options, () => msSpent() > options.minutes * 30_000)) {
    if (isOver()) break;
    await playAndTell({ work, options, tally, msLeft: () => options.minutes * 60_000 - msSpent() }, await story());
  }
  print(tally.summary());
  if (options.ci) {
    await mkdir(REPORTS, { recursive: true });
    await writeFile(join(REPORTS, "soak.json"), JSON.stringify(tally.counts));
    print(`${tally.counts.passed} passed, ${tally.counts.failed} failed`);
  }
  return tally.failed === 0 && tally.jobs > 0 ? 0 : 1;
}

/** The story of the file alone; or one seed after the other, of CI fixed ones first and fresh ones later. */
function* storiesOf(options: SoakOptions, isSecondHalf: () => boolean): Generator<() => Promise<Story>> {
  const { story: file, ci } = options;
  if (file !== undefined) {
    yield async () => Story.parse(JSON.parse(await readFile(file, "utf8")));
    return;
  }
  const fresh = Math.floor(Math.random() * 1_000_000_000);
  const fixed = options.seed ?? (ci ? 1 : fresh);
  print(`seeds from ${fixed}${ci ? `, then from ${fresh}` : ""}`);
  for (let seed = fixed; !ci || !isSecondHalf(); seed += 1) yield async () => makeStory(seed);
  for (let seed = fresh; ; seed += 1) yield async () => makeStory(seed);
}

interface Play {
  readonly work: WorkFolder;
  readonly options: SoakOptions;
  readonly tally: Tally;
  readonly msLeft: () => number;
}

async function playAndTell({ work, options, tally, msLeft }: Play, story: Story): Promise<void> {
  const folder = join(work.runs, `${story.seed}`);
  const run = await playIn(work, story, folder);
  tally.add({ story, ...run });
  print(lineOf({ story, ...run }));
  if (run.faults.length === 0) return await rm(folder, { recursive: true, force: true });
  print(`    evidence: ${folder}; again: npm run soak -- --seed ${story.seed}`);
  if (options.shrinkRuns === 0) return;
  const kinds = new Set(run.faults.map(({ kind }) => kind));
  const trial = `${folder}-smaller`;
  const fails = async (smaller: Story) => {
    if (msLeft() < 0) return false;
    const { faults } = await playIn(work, smaller, trial);
    return faults.some(({ kind }) => kinds.has(kind));
  };
  const { story: smallest, runs } = await shrinkStory(story, fails, options.shrinkRuns);
  await rm(trial, { recursive: true, force: true });
  const file = join(folder, "smallest.json");
  await writeFile(file, `${JSON.stringify(smallest, undefined, 2)}\n`);
  print(`    smallest after ${runs} tries: ${lineOf({ story: smallest, seconds: 0, faults: [] }).slice("ok     ".length)}`);
  print(`    again: npm run soak -- --story ${file}`);
}

async function playIn(work: WorkFolder, story: Story, folder: string): Promise<StoryRun> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return await runStory(work, story, folder);
}

async function main(argv: readonly string[]): Promise<number> {
  let options: SoakOptions;
  try {
    options = soakOptions(argv);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    return 2;
  }
  const leave = () => void processesOf(options.work).then((all) => (all.forEach(({ pid }) => endProcess(pid)), process.exit(130)));
  process.once("SIGINT", leave);
  process.once("SIGTERM", leave);
  await slowness();
  return await soak(options);
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
