import { access, constants } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { execa } from "execa";
import { FarmError } from "../../kernel/errors.ts";
import { systemDisk } from "../../kernel/disk.ts";
import { makeWhole } from "../../kernel/files/atomic-file.ts";
import { makeFolder } from "../../kernel/files/make-folder.ts";
import { awaitOutput } from "../../kernel/files/output-failure.ts";
import { systemWorld } from "../../kernel/world.ts";
import { frameInput } from "./video-frames.ts";
import { chooseRecipe, parseEncoders, pictureFilter, videoFormat } from "./video-codecs.ts";
import { asWriteFailure } from "../write-beside.ts";

export interface VideoRequest {
  /** The ffmpeg program. */
  readonly ffmpeg: string;
  /** Absolute paths, in order, all of one format; numbers in their names are ignored. */
  readonly frames: readonly string[];
  /** Exact: 30000/1001 stays 30000/1001. */
  readonly fps: { readonly numerator: number; readonly denominator: number };
  /** .mp4, .webm, .mov or .mkv; written under a temporary name and renamed when complete. */
  readonly out: string;
}

/** The end of ffmpeg's output has the reason. */
const KEPT_LINES = 12;

/**
 * Makes a video of finished frames. One frame of the video is one file, without sound.
 *
 * Throws VIDEO_UNSUPPORTED (extension, or this ffmpeg lacks the encoder), VIDEO_FAILED with ffmpeg's
 * last lines, DISK_FULL, OUTPUT_NOT_WRITABLE; the signal's reason when aborted.
 */
export async function encodeVideo(request: VideoRequest, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const out = resolve(request.out);
  const format = videoFormat(out);
  await requireFolder(out, signal);
  await using input = await frameInput(request.frames);
  const encoders = parseEncoders(await runFfmpeg(request.ffmpeg, ["-encoders"], { signal }));
  const recipe = chooseRecipe(format, encoders, input.transparent);
  const { numerator, denominator } = request.fps;
  const reading = [
    "-f",
    "image2",
    "-framerate",
    `${numerator}/${denominator}`,
    "-start_number",
    "0",
    ...input.decoderOptions,
    "-i",
    input.pattern,
  ];
  const encoding = ["-an", "-vf", pictureFilter(recipe, input.transparent), "-c:v", recipe.encoder, ...recipe.options];
  const saying = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"];
  const encode = (beside: string) => {
    const writing = [...format.muxerOptions, "-f", format.muxer, `file:${beside}`];
    return runFfmpeg(request.ffmpeg, ["-y", ...reading, ...encoding, ...saying, ...writing], { signal, cwd: input.folder });
  };
  try {
    await makeWhole(systemDisk, out, encode);
  } catch (error) {
    throw asWriteFailure(error, out);
  }
}

/** The folder is made if it is missing, as for pictures. */
async function requireFolder(path: string, signal: AbortSignal): Promise<void> {
  const folder = dirname(path);
  await awaitOutput(
    makeFolder(systemDisk, folder).then(() => access(folder, constants.W_OK)),
    { where: path, time: systemWorld },
    signal,
  );
}

/** @returns what it printed on standard output. */
async function runFfmpeg(
  ffmpeg: string,
  args: readonly string[],
  options: { readonly signal: AbortSignal; readonly cwd?: string },
): Promise<string> {
  const { signal, cwd } = options;
  const program = /[\\/]/.test(ffmpeg) ? resolve(ffmpeg) : ffmpeg;
  const process = execa(program, ["-hide_banner", "-loglevel", "warning", ...args], {
    reject: false,
    stdin: "ignore",
    buffer: { stdout: true, stderr: false },
    cancelSignal: signal,
    forceKillAfterDelay: 3_000,
    ...(cwd === undefined ? {} : { cwd }),
  });
  const lines: string[] = [];
  for await (const line of process.iterable({ from: "stderr" })) {
    lines.push(line.slice(0, 500));
    if (lines.length > KEPT_LINES) lines.shift();
  }
  const result = await process;
  signal.throwIfAborted();
  if (result.failed) throw ffmpegFailure(ffmpeg, result, lines);
  return result.stdout;
}

function ffmpegFailure(
  ffmpeg: string,
  result: { readonly code?: string | undefined; readonly shortMessage?: string | undefined },
  lines: readonly string[],
): FarmError {
  if (result.code === "ENOENT") return new FarmError("FFMPEG_NOT_FOUND", `${ffmpeg} does not exist`);
  if (lines.some((line) => line.includes("No space left on device"))) return new FarmError("DISK_FULL", "no space left for the video");
  const reason = lines.at(-1) ?? result.shortMessage ?? "no reason given";
  return new FarmError("VIDEO_FAILED", `ffmpeg could not make the video: ${reason}`, { facts: { log: lines } });
}
