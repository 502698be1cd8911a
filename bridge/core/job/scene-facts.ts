import { z } from "zod";
import { DenoiseRecipe } from "./denoise-recipe.ts";
import { FACTS_LIMITS } from "./facts-limits.ts";
import { FRAME_LIMITS } from "./frame-limits.ts";

const limits = FACTS_LIMITS;
export const Name = z.string().max(limits.maxNameChars);
export const Path = z.string().max(limits.maxPathChars);
export const FrameNumber = z.int().min(-FRAME_LIMITS.maxFrame).max(FRAME_LIMITS.maxFrame);
export const SideLengthPx = z.int().min(1).max(FRAME_LIMITS.maxSidePx);
/** 5 px for each doubling of the samples, see `scene_tiling.py`, and the overscan of adaptive sampling. */
const MAX_OVERSCAN_PX = 1_024;
const Offset = z.int().min(0).max(FRAME_LIMITS.maxSidePx);

/** A pixel rectangle in full-frame coordinates, y up as in Blender. */
export const Rect = z.strictObject({ x: Offset, y: Offset, width: SideLengthPx, height: SideLengthPx }).readonly();
export type Rect = z.infer<typeof Rect>;

/** A message for users, with a code for scripts. */
export const CodedMessage = z.strictObject({ code: Name, message: z.string().max(limits.maxMessageChars) }).readonly();
export type CodedMessage = z.infer<typeof CodedMessage>;

/** What the planner needs to know of one scene of the file. */
export const SceneRenderFacts = z
  .strictObject({
    name: Name,
    /** Engine id: "CYCLES", "BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH", … */
    engine: Name,
    /** Full frame in pixels, after the resolution percentage (or as another scene's compositor requests it). */
    width: SideLengthPx,
    height: SideLengthPx,
    /** What is rendered of the full frame: the user's border, else the whole frame. */
    region: Rect,
    /** True when the picture has the region's size and not the frame's (crop to border). */
    cropped: z.boolean(),
    /** Samples a pixel of the most demanding view layer. */
    samples: z.int().min(0).max(FRAME_LIMITS.maxSamples),
    adaptive: z.boolean(),
    /** Pixels that a tile must render around itself to have the bits of the whole frame. */
    overscanPx: z.int().min(0).max(MAX_OVERSCAN_PX),
    /** Denoising inside the render is on for some view layer. */
    denoised: z.boolean(),
    /** How an assembled frame is denoised; undefined when it is not, or cannot be. */
    denoise: DenoiseRecipe.nullish().transform((recipe) => recipe ?? undefined),
    viewLayers: z.array(Name).max(limits.maxLayers).readonly(),
    /** View names: [""] for mono, ["left", "right", …] for stereo and multi-view. */
    views: z.array(Name).min(1).max(limits.maxViews).readonly(),
    /** Why this scene's frames cannot be cut into tiles; empty when they can. */
    untileable: z.array(CodedMessage).max(limits.maxReasons).readonly(),
    /** Why its frames must be rendered in order (unbaked simulation); undefined when they need not. */
    inOrder: CodedMessage.nullish().transform((reason) => reason ?? undefined),
  })
  .readonly();
export type SceneRenderFacts = z.infer<typeof SceneRenderFacts>;

/** True for a scene with a time limit: each render gets a different number of samples. */
export function hasTimeLimit({ untileable }: Pick<SceneRenderFacts, "untileable">): boolean {
  return untileable.some(({ code }) => code === "time-limit");
}

/** One picture a render engine is asked for: a scene at a frame. Everything a job renders is made of these. */
export const SceneFrame = z.strictObject({ scene: Name, frame: FrameNumber }).readonly();
export type SceneFrame = z.infer<typeof SceneFrame>;

/** The scene frames of an output frame; sequencer strips and other scenes' layers need more than one. */
export const FrameInputs = z
  .strictObject({ frame: FrameNumber, sceneFrames: z.array(SceneFrame).max(limits.maxSceneFramesPerFrame).readonly() })
  .readonly();
export type FrameInputs = z.infer<typeof FrameInputs>;

/** Of the scene's own output: its pictures, or its movie; or of a File Output node. */
const OutputKind = z.enum(["main", "movie", "node"]);
export type OutputKind = z.infer<typeof OutputKind>;

/**
 * One file that Blender writes for each frame asked for: absolute path before the frame number, least digits of
 * the number (0: none, as for a movie of all frames), and suffix; or a list of paths.
 */
export const ExpectedOutput = z.union([
  z.strictObject({ kind: OutputKind, before: Path, digits: z.int().min(0).max(limits.maxDigits), after: Path }).readonly(),
  z
    .strictObject({
      kind: OutputKind,
      paths: z
        .array(z.tuple([FrameNumber, Path]).readonly())
        .max(limits.maxListedOutputs)
        .readonly(),
    })
    .readonly(),
]);
export type ExpectedOutput = z.infer<typeof ExpectedOutput>;

/** What inspection of a scene (with the user's own Blender flags applied) found. */
export const SceneFacts = z
  .strictObject({
    blenderVersion: Name,
    /** Main scene: the one that is rendered. */
    scene: Name,
    frameCurrent: FrameNumber,
    frameStart: FrameNumber,
    frameEnd: FrameNumber,
    frameStep: z.int().min(1).max(FRAME_LIMITS.maxFrame),
    /** Frames a second as a fraction, for instance 30000/1001. */
    fps: z.strictObject({ numerator: z.int().positive(), denominator: z.int().positive() }).readonly(),
    output: z
      .strictObject({
        /** File format id as Blender names it: "PNG", "OPEN_EXR_MULTILAYER", "FFMPEG", … */
        format: Name,
        isMovie: z.boolean(),
        /** Existing files are kept, their frames skipped, when false. */
        overwrite: z.boolean(),
        /** Frames whose files all exist already; only looked for when existing files are kept. */
        existing: z
          .array(FrameNumber)
          .max(limits.maxFrames + 1)
          .readonly()
          .default([]),
        /** Blender adds the format's extension to file names. */
        useExtension: z.boolean(),
        /** The files that Blender will write for the requested frames; missing in journals of earlier versions. */
        files: z.exactOptional(z.array(ExpectedOutput).max(limits.maxOutputs).readonly()),
        /** Absolute output path pattern as Blender understands it (may hold #). */
        path: Path,
      })
      .readonly(),
    scenes: z.array(SceneRenderFacts).min(1).max(limits.maxScenes).readonly(),
    /** The scene frames of each frame asked for; when empty, each frame is one scene frame of the main scene. */
    frameInputs: z.array(FrameInputs).max(limits.maxFrames).readonly(),
    /** Denoising is possible in this build. */
    hasDenoiser: z.boolean(),
    /** Peak memory of the Blender that opened the scene: rendering needs at least this. */
    memoryBytes: z.exactOptional(z.int().min(0).max(limits.maxMemoryBytes)),
    warnings: z.array(CodedMessage).max(limits.maxWarnings).readonly(),
  })
  .readonly();
export type SceneFacts = z.infer<typeof SceneFacts>;

/** A file that the scene reads, as Blender resolved it, and how the scene names it. */
export const SceneFile = z
  .strictObject({
    /** Absolute path on the requester's machine. */
    path: Path,
    /** "blend" for the scene itself, else "library", "image", "movie", "sound", "font", "volume", "cache", "text", "ies", "other". */
    kind: Name,
    missing: z.boolean(),
  })
  .readonly();
export type SceneFile = z.infer<typeof SceneFile>;
