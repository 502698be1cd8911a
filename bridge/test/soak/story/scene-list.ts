import type { FORMATS } from "./story.ts";

type Format = (typeof FORMATS)[number];

/** A scene of the soak. */
export interface SoakScene {
  readonly name: string;
  /** A sample scene, or one that `make_scenes.py` makes. */
  readonly from: "sample" | "made";
  /** The frames that may be requested: some scenes are visible at a few only. */
  readonly first: number;
  readonly last: number;
  /** The scene's range is short enough for `-a`, which is required for movies. */
  readonly whole: "never" | "possible" | "only";
  /** Formats that may be used by `-F` instead of the scene's own. */
  readonly formats: readonly Format[];
  /** Its weight in the random choice. */
  readonly weight: number;
  /** Its picture is so many pixels wide: a grid cannot have more columns. */
  readonly width?: number;
}

const STILLS: readonly Format[] = ["PNG", "JPEG", "TIFF", "OPEN_EXR"];
const ALL: readonly Format[] = [...STILLS, "OPEN_EXR_MULTILAYER"];

const made = (name: string, last: number, more: Partial<SoakScene> = {}): SoakScene => ({
  name,
  from: "made",
  first: 1,
  last,
  whole: last <= 12 ? "possible" : "never",
  formats: [],
  weight: 3,
  ...more,
});
const sample = (name: string, first: number, last: number, more: Partial<SoakScene> = {}): SoakScene => ({
  name,
  from: "sample",
  first,
  last,
  whole: "never",
  formats: [],
  weight: 1,
  ...more,
});

/** Scenes that take about a second per frame or less on an idle core. */
export const SCENES: readonly SoakScene[] = [
  made("moving", 40, { formats: ALL, weight: 8 }),
  made("static", 40, { formats: STILLS }),
  made("film", 4, { formats: STILLS, weight: 8 }),
  made("tall", 2, { formats: STILLS, width: 5 }),
  made("tiny", 6, { formats: STILLS }),
  made("layers", 6, { formats: ["OPEN_EXR_MULTILAYER", "OPEN_EXR", "PNG"] }),
  made("layers-multi", 4),
  made("strips", 12, { formats: STILLS }),
  made("strips-image", 8, { formats: ["PNG", "JPEG"] }),
  made("strips-movie", 8, { whole: "only" }),
  made("comp-only", 8, { formats: STILLS }),
  made("movie", 10, { whole: "only" }),
  made("file-out", 4),
  made("no-overwrite", 5, { weight: 2 }),
  made("placeholders", 5, { weight: 2 }),
  made("workbench-soak", 6, { formats: STILLS, weight: 4 }),
  made("eevee-soak", 3, { formats: STILLS, weight: 2 }),
  sample("compositor-glare", 1, 1),
  sample("layers-cryptomatte", 1, 1),
  sample("border-motion", 1, 3),
  sample("border-crop-adaptive", 1, 1),
  sample("transparent-16bit", 1, 1),
  sample("stereo-files", 1, 1),
  sample("stereo-multilayer", 1, 1),
  sample("two-scenes", 1, 1),
  sample("sequencer", 3, 5, { whole: "possible" }),
  sample("stamp", 1, 1),
  sample("file-output", 1, 2),
  sample("driven-compositor", 1, 3),
  sample("linked", 1, 1),
  sample("movie-2997", 1, 9, { whole: "only" }),
  sample("cloth", 1, 4),
  sample("tiff-16", 1, 1),
  sample("half-float", 1, 1),
  sample("bare-names", 1, 3),
  sample("image-sequence", 1, 3),
  sample("marker-cameras", 2, 4),
  sample("time-remap", 1, 4),
  sample("pixel-aspect", 1, 1),
];

/** Throws a RangeError: a story may come from a file. */
export function sceneNamed(name: string): SoakScene {
  const scene = SCENES.find((each) => each.name === name);
  if (scene === undefined) throw new RangeError(`the soak has no scene ${name}`);
  return scene;
}
