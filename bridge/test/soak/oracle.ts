import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import type { JsonLine } from "../bridge-command.ts";
import { comparePictures } from "../same-picture.ts";
import { askBridge } from "./play/bridge-process.ts";
import { banned, type Fault, leftOver, lost } from "./story/fault.ts";
import { type Ending, type JobPlace, sceneFolderOf, videoOf } from "./play/job-place.ts";
import { anotherReference, type Reference } from "./play/reference.ts";
import { type JobStory, lastOf } from "./story/story.ts";
import type { WorkFolder } from "./play/work-folder.ts";

/** Unknown fields are ignored: later versions may add some. */
const JobEnded = z.looseObject({
  outcome: z.string(),
  missing: z.array(z.unknown()).optional(),
  error: z.unknown().optional(),
  stats: z.looseObject({ framesDone: z.number(), framesTotal: z.number(), banned: z.array(z.string()) }),
});
const Shown = z.looseObject({
  job: z.looseObject({ state: z.string() }),
  framesDone: z.number(),
  framesTotal: z.number(),
  banned: z.array(z.string()),
});

/** How an ended job differs from plain Blender, and what it left. */
export async function judge(work: WorkFolder, story: JobStory, place: JobPlace, ending: Ending & { readonly reference: Reference }) {
  const isHung = ending.faults.some(({ kind }) => kind === "hung");
  const faults = [...ending.faults, ...judgeBanned(ending.all)];
  if (isHung) return faults;
  return [
    ...faults,
    ...judgeEnd(ending),
    ...(story.through === "serve" ? [] : await judgeList(place, ending.job)),
    ...(await judgeFiles(work, story, place, ending.reference)),
    ...(story.video ? await judgeVideo(story, place) : []),
  ];
}

function judgeBanned(lines: readonly JsonLine[]): Fault[] {
  const of = lines.filter(({ event }) => event === "donor-banned");
  return of.map((line) => banned(`${String(line["name"])}: ${String(line["reason"])}`));
}

/** The end event of the last process. One that was killed after all was done may have none. */
function judgeEnd({ last, all, endedBefore = false }: Ending): Fault[] {
  const ends = last.filter(({ event }) => event === "job-ended");
  if (ends.length === 0 && (endedBefore || wasDoneBefore(all))) return [];
  if (ends.length !== 1)
    return [lost(`it said ${ends.length} times that it ended; last line: ${JSON.stringify(last.at(-1) ?? "none").slice(0, 300)}`)];
  const parsed = JobEnded.safeParse(ends[0]);
  if (!parsed.success) return [lost(`its job-ended cannot be read: ${parsed.error.message}`)];
  return judgeWords(parsed.data);
}

function judgeWords({ outcome, missing = [], error = "", stats }: z.infer<typeof JobEnded>): Fault[] {
  const wrong = [
    ...(outcome === "complete" ? [] : [`it ended ${outcome} ${JSON.stringify(error)}`]),
    ...(stats.framesDone === stats.framesTotal ? [] : [`${stats.framesDone} of ${stats.framesTotal} frames`]),
    ...(missing.length === 0 ? [] : [`missing: ${JSON.stringify(missing).slice(0, 200)}`]),
  ];
  return [...wrong.map(lost), ...stats.banned.map((donor) => banned(`stats name ${donor}`))];
}

function wasDoneBefore(all: readonly JsonLine[]): boolean {
  const created = all.find(({ event }) => event === "job-created");
  return created !== undefined && all.filter(({ event }) => event === "frame-finished").length >= Number(created["frames"]);
}

async function judgeList({ folder, temporary, name, home }: JobPlace, job: string | undefined): Promise<Fault[]> {
  if (job === undefined) return [lost("it is in no list")];
  const [line] = await askBridge(["jobs", "show", job, "--home", home, "--json"], { folder, temporary, name: `${name}-show` });
  const parsed = Shown.safeParse(line);
  if (!parsed.success) return [lost(`jobs show says ${JSON.stringify(line)}`)];
  const { job: row, framesDone, framesTotal, banned: those } = parsed.data;
  return row.state === "complete" && framesDone === framesTotal && those.length === 0
    ? []
    : [lost(`jobs show: ${row.state}, ${framesDone} of ${framesTotal} frames, ${those.length} banned`)];
}

/** Compares names and pixels; if they differ, plain Blender renders once more to see whether it is deterministic. */
async function judgeFiles(work: WorkFolder, story: JobStory, place: JobPlace, reference: Reference): Promise<Fault[]> {
  const ours = sceneFolderOf(place);
  const strays = await straysIn(ours, reference.folder);
  const differences = await tellApart(ours, reference.folder);
  if (differences.length === 0) return strays;
  const another = await anotherReference(work, story, join(place.folder, "another-reference"));
  if ((await tellApart(another.folder, reference.folder)).length > 0)
    return [lost(`Blender itself is of two minds about ${story.scene}`), ...strays];
  return [lost(differences.slice(0, 4).join("; ")), ...strays];
}

async function tellApart(ours: string, theirs: string): Promise<string[]> {
  try {
    return (await comparePictures(ours, theirs)).map(({ file, what }) => `${file}: ${what}`);
  } catch (error) {
    return [`cannot be compared: ${String(error).slice(0, 300)}`];
  }
}

/** Folders that Blender would not make. */
async function straysIn(ours: string, theirs: string): Promise<Fault[]> {
  const [here, there] = await Promise.all([foldersIn(ours), foldersIn(theirs)]);
  return here.filter((folder) => !there.includes(folder)).map((folder) => leftOver(`the folder ${folder} beside the pictures`));
}

async function foldersIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

async function judgeVideo({ frames }: JobStory, place: JobPlace): Promise<Fault[]> {
  if (frames.kind === "scene") return [];
  const expected = frames.kind === "list" ? frames.count : (lastOf(frames) - frames.first) / frames.step + 1;
  const words = ["-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", videoOf(place)];
  const { stdout } = await execa("ffprobe", words, { reject: false });
  return Number(stdout.trim()) === expected ? [] : [lost(`the video has ${stdout.trim() || "no"} frames, not ${expected}`)];
}

/** Files that must not be in a home after all processes have ended. */
export async function leftInHome(home: string): Promise<Fault[]> {
  const found: Fault[] = [];
  for (const folder of ["scratch", "uploads", "jobs"]) {
    const entries = await readdir(join(home, folder)).catch(() => []);
    if (entries.length > 0) found.push(leftOver(`${folder} of ${home}: ${entries.slice(0, 3).join(", ")}`));
  }
  const all = await readdir(home, { recursive: true }).catch(() => []);
  const parts = all.filter((path) => path.endsWith(".part"));
  return parts.length > 0 ? [...found, leftOver(`half files in ${home}: ${parts.slice(0, 3).join(", ")}`)] : found;
}
