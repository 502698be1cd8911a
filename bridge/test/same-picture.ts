import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { execa } from "execa";

/** A difference between two folders of pictures. */
export interface Difference {
  readonly file: string;
  readonly what: string;
}

const MOVIES = new Set([".mp4", ".mkv", ".mov", ".webm", ".avi", ".ogv"]);
/** Attributes of date and render time, which differ between renders. */
const TIME_ATTRIBUTES =
  /date|time|hostname|memory|^\s*oiio|openexr:|file format|^\s*channel list|^\s*SHA|^\s*name:|jobscene|^\s*file:|^\s*"?filename/i;
/** Render-time passes: Blender 5 writes how long each pixel took. */
const TIME_CHANNELS = /render time/i;

/** Compares two folders of rendered files: names, pixels of every channel at full depth, attributes; movies frame by frame. */
export async function comparePictures(left: string, right: string): Promise<Difference[]> {
  const [ours, theirs] = await Promise.all([filesIn(left), filesIn(right)]);
  const differences: Difference[] = [];
  for (const file of new Set([...ours, ...theirs])) {
    if (!ours.includes(file)) differences.push({ file, what: `missing in ${left}` });
    else if (!theirs.includes(file)) differences.push({ file, what: `missing in ${right}` });
    else differences.push(...(await compareFiles(join(left, file), join(right, file))).map((what) => ({ file, what })));
  }
  return differences;
}

async function compareFiles(left: string, right: string): Promise<string[]> {
  const [a, b] = await Promise.all([readFile(left), readFile(right)]);
  if (a.equals(b)) return [];
  const extension = extname(left).toLowerCase();
  if (MOVIES.has(extension)) return await compareMovies(left, right);
  return [...(await comparePixels(left, right)), ...(extension === ".exr" ? await compareAttributes(left, right) : [])];
}

async function comparePixels(left: string, right: string): Promise<string[]> {
  const { exitCode, stdout, stderr } = await execa("idiff", ["-a", "-fail", "0", "-warn", "0", left, right], { reject: false });
  if (exitCode === 0) return [];
  const text = `${stdout}\n${stderr}`;
  if (/\.exr$/i.test(left) && (await onlyTimeChannelsDiffer(left, right))) return [];
  return [`pixels differ: ${text.replaceAll(/\s+/g, " ").trim().slice(0, 300)}`];
}

/** Compares again without the channels of render time. */
async function onlyTimeChannelsDiffer(left: string, right: string): Promise<boolean> {
  const info = await execa("oiiotool", ["--info", "-v", "-a", left], { reject: false });
  if (!TIME_CHANNELS.test(info.stdout)) return false;
  const { stdout } = await execa("idiff", ["-a", "-v", "-fail", "0", "-warn", "0", left, right], { reject: false });
  const failing = stdout.split("\n").filter((line) => /Max error/.test(line) && !/Max error\s*=\s*0\b/.test(line));
  return failing.length > 0 && failing.every((line) => TIME_CHANNELS.test(line));
}

async function compareAttributes(left: string, right: string): Promise<string[]> {
  const [a, b] = await Promise.all([attributesOf(left), attributesOf(right)]);
  return [...new Set([...a, ...b])]
    .filter((line) => a.has(line) !== b.has(line))
    .map((line) => `attribute only on one side: ${line.trim()}`);
}

async function attributesOf(path: string): Promise<Set<string>> {
  const { stdout } = await execa("oiiotool", ["--info", "-v", "-a", path]);
  return new Set(
    stdout
      .replaceAll(path, "")
      .split("\n")
      .slice(1)
      .filter((line) => !TIME_ATTRIBUTES.test(line)),
  );
}

async function compareMovies(left: string, right: string): Promise<string[]> {
  const [a, b] = await Promise.all([movieFrames(left), movieFrames(right)]);
  return a === b ? [] : ["movie frames differ"];
}

async function movieFrames(path: string): Promise<string> {
  const frames = await execa("ffmpeg", ["-v", "error", "-i", path, "-f", "framemd5", "-"]);
  const streams = await execa("ffprobe", [
    "-v",
    "error",
    "-show_entries",
    "stream=codec_name,r_frame_rate,width,height,nb_frames",
    "-of",
    "csv",
    path,
  ]);
  return `${streams.stdout}\n${frames.stdout}`;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}
