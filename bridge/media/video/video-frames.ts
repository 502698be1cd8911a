import { copyFile, link, mkdtemp, open, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import sharp from "sharp";
import { FarmError } from "../../kernel/errors.ts";
import { UnexpectedEndOfData } from "../exr/byte-cursor.ts";
import { parseExrHeader } from "../exr/header.ts";

/** Frames under names for ffmpeg's image reader. */
export interface FrameInput extends AsyncDisposable {
  readonly folder: string;
  /** Relative to the folder: frames are numbered from 0 without gaps. */
  readonly pattern: string;
  readonly decoderOptions: readonly string[];
  /** The frames have straight (not premultiplied) alpha. */
  readonly transparent: boolean;
}

const HEADER_BYTES = 4 * 1024 * 1024;

/**
 * Links the frames into a folder, numbered: exact at any frame rate, while in a list
 * durations would be rounded, and independent of gaps, numbering and characters of the names.
 * Throws VIDEO_FAILED when there are none or of several kinds.
 */
export async function frameInput(frames: readonly string[]): Promise<FrameInput> {
  const { first, extension } = kindOf(frames);
  const folder = await mkdtemp(join(tmpdir(), "bridge-video-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    for (const [at, frame] of frames.entries()) await place(resolve(frame), join(folder, `${String(at).padStart(8, "0")}${extension}`));
    const isExr = extension === ".exr";
    return {
      folder,
      pattern: `%08d${extension}`,
      decoderOptions: isExr ? await exrOptions(first) : [],
      transparent: !isExr && (await isTransparent(first)),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw missing ? new FarmError("VIDEO_FAILED", "a frame of the video is missing", { cause: error }) : error;
  }
}

function kindOf(frames: readonly string[]): { readonly first: string; readonly extension: string } {
  const first = frames[0];
  if (first === undefined) throw new FarmError("VIDEO_FAILED", "there are no frames to make a video of");
  const extension = extname(first).toLowerCase();
  const odd = frames.find((frame) => extname(frame).toLowerCase() !== extension);
  if (odd !== undefined || !/^\.[a-z0-9]{1,5}$/.test(extension))
    throw new FarmError("VIDEO_FAILED", `these frames cannot make one video: ${odd ?? first}`);
  return { first, extension };
}

/** On Windows only some users may make symbolic links, and hard links do not cross file systems. */
async function place(frame: string, as: string): Promise<void> {
  await open(frame).then((file) => file.close()); // a symbolic link to nothing would fail much later
  await symlink(frame, as)
    .catch(() => link(frame, as))
    .catch(() => copyFile(frame, as));
}

/**
 * EXR frames hold scene-linear floats: they are converted to sRGB and clipped, without the
 * scene's view transform (Filmic, AgX), which only Blender can apply. Their colours are premultiplied,
 * so dropping alpha composes them over black. Of a multilayer file the composite is used, else the
 * first layer's combined pass.
 */
async function exrOptions(path: string): Promise<string[]> {
  const curve = ["-apply_trc", "iec61966_2_1"];
  const stems = await combinedStems(path);
  const layer = stems.find((stem) => stem.startsWith("Composite.")) ?? stems[0];
  return layer === undefined ? curve : [...curve, "-layer", layer];
}

async function combinedStems(path: string): Promise<string[]> {
  await using file = await open(path, "r");
  const bytes = Buffer.alloc(Math.min(HEADER_BYTES, (await file.stat()).size));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
  try {
    const { multiPart, parts } = parseExrHeader(bytes.subarray(0, bytesRead));
    // ffmpeg reads a file's first part, which in Blender is the first layer's combined pass, with its view in an attribute.
    const pattern = multiPart ? /^(.*\.Combined)(?:\..*)?\.R$/ : /^(.*\.Combined(?:\..*)?)\.R$/;
    return (parts[0]?.channels ?? []).flatMap(({ name }) => pattern.exec(name)?.[1] ?? []);
  } catch (error) {
    if (error instanceof FarmError || error instanceof UnexpectedEndOfData) return []; // ffmpeg reads more formats than we do
    throw error;
  }
}

async function isTransparent(path: string): Promise<boolean> {
  try {
    const { hasAlpha } = await sharp(path, { limitInputPixels: false }).metadata();
    return hasAlpha === true;
  } catch {
    return false; // a format that sharp does not know: ffmpeg may
  }
}
