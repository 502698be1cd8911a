import { extname } from "node:path";
import { FarmError } from "../../kernel/errors.ts";

/** A recipe for a kind of video: an encoder that ffmpeg must have, and its options. */
interface Recipe {
  readonly encoder: string;
  readonly options: readonly string[];
  readonly pixels: string;
  /** A recipe that keeps alpha is only for frames that have some; the others compose them over black. */
  readonly alpha?: true;
}

export interface VideoFormat {
  /** ffmpeg's name of the container. */
  readonly muxer: string;
  readonly muxerOptions: readonly string[];
  /** Best first. */
  readonly recipes: readonly Recipe[];
}

const H264: Recipe = { encoder: "libx264", options: ["-crf", "18", "-preset", "medium"], pixels: "yuv420p" };

/** By the file's extension. 4:2:0 except in ProRes, for browsers and phones. */
const FORMATS: Readonly<Record<string, VideoFormat>> = {
  ".mp4": { muxer: "mp4", muxerOptions: ["-movflags", "+faststart"], recipes: [H264] },
  ".mkv": { muxer: "matroska", muxerOptions: [], recipes: [H264] },
  ".webm": {
    muxer: "webm",
    muxerOptions: [],
    recipes: [
      { encoder: "libvpx-vp9", options: ["-crf", "20", "-b:v", "0", "-row-mt", "1", "-cpu-used", "2"], pixels: "yuv420p" },
      { encoder: "libsvtav1", options: ["-crf", "24", "-preset", "6"], pixels: "yuv420p" },
      { encoder: "libaom-av1", options: ["-crf", "22", "-b:v", "0", "-cpu-used", "6", "-row-mt", "1"], pixels: "yuv420p" },
    ],
  },
  ".mov": {
    muxer: "mov",
    muxerOptions: ["-movflags", "+faststart"],
    recipes: [
      { encoder: "prores_ks", options: ["-profile:v", "4444", "-vendor", "apl0"], pixels: "yuva444p10le", alpha: true },
      { encoder: "prores_ks", options: ["-profile:v", "hq", "-vendor", "apl0"], pixels: "yuv422p10le" },
    ],
  },
};

/** Throws VIDEO_UNSUPPORTED for an unknown extension. */
export function videoFormat(path: string): VideoFormat {
  const format = FORMATS[extname(path).toLowerCase()];
  if (!format) throw new FarmError("VIDEO_UNSUPPORTED", `the format of the video ${path} is not supported`);
  return format;
}

/** The first recipe that this ffmpeg supports. Throws VIDEO_UNSUPPORTED. */
export function chooseRecipe(format: VideoFormat, encoders: ReadonlySet<string>, transparent: boolean): Recipe {
  const recipe = format.recipes.find(({ encoder, alpha }) => encoders.has(encoder) && (transparent || !alpha));
  if (recipe) return recipe;
  const wanted = [...new Set(format.recipes.map(({ encoder }) => encoder))].join(" or ");
  throw new FarmError("VIDEO_UNSUPPORTED", `this ffmpeg has no ${wanted}`, {
    advice: "Install a complete ffmpeg, or choose another video format.",
  });
}

/** Names out of `ffmpeg -encoders`. */
export function parseEncoders(text: string): Set<string> {
  return new Set([...text.matchAll(/^ V\S{5} (\S+)/gm)].flatMap((match) => match[1] ?? []));
}

/**
 * The conversion of pixels: alpha over black if the video has none, even width and height (4:2:0
 * needs them, and 4:2:2 an even width), colours by Rec. 709, which the file declares.
 */
export function pictureFilter(recipe: Recipe, transparent: boolean): string {
  const overBlack = transparent && !recipe.alpha ? ["premultiply=inplace=1"] : [];
  const even = "pad=ceil(iw/2)*2:ceil(ih/2)*2";
  const convert = ["scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int", `format=${recipe.pixels}`];
  const say = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"; // ProRes takes it from the frames
  return [...overBlack, even, ...convert, say].join(",");
}
