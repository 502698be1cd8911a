import { z } from "zod";
import type { ExpectedOutput, SceneFacts, SceneFile } from "../../core/job/scene-facts.ts";

/**
 * Bounds on what inspection may find. Sizes, names and frames are Blender's own: 65,536 px a side, ids of
 * 255 bytes (63 before 5.0), frames up to 1,048,574 (MAXFRAME).
 */
export const INSPECTION_LIMITS = {
  maxSidePx: 65_536,
  maxFrame: 1_048_574,
  maxFrames: 1_048_575,
  maxScenes: 1_000,
  maxSceneFramesPerFrame: 1_000,
  maxLayers: 1_000,
  maxViews: 100,
  maxReasons: 1_000,
  maxFiles: 100_000,
  maxWarnings: 100_100,
  maxOutputs: 10_000,
  maxListedOutputs: 10_000,
  maxDigits: 1_024,
  maxNameChars: 300,
  maxMessageChars: 10_000,
  maxPathChars: 8_192,
  maxMemoryBytes: 2 ** 50,
} as const;

const limits = INSPECTION_LIMITS;
const name = z.string().max(limits.maxNameChars);
const path = z.string().max(limits.maxPathChars);
const side = z.int().min(1).max(limits.maxSidePx);
const frame = z.int().min(-limits.maxFrame).max(limits.maxFrame);
const reason = z.strictObject({ code: name.regex(/^[a-z][a-z0-9-]*$/), message: z.string().max(limits.maxMessageChars) });
const rect = z.strictObject({
  x: z.int().min(0).max(limits.maxSidePx),
  y: z.int().min(0).max(limits.maxSidePx),
  width: side,
  height: side,
});

const sceneRenderFacts = z.strictObject({
  name,
  engine: name,
  width: side,
  height: side,
  region: rect,
  cropped: z.boolean(),
  samples: z
    .int()
    .min(0)
    .max(2 ** 31 - 1),
  adaptive: z.boolean(),
  denoised: z.boolean(),
  viewLayers: z.array(name).max(limits.maxLayers),
  views: z.array(name).min(1).max(limits.maxViews),
  untileable: z.array(reason).max(limits.maxReasons),
  inOrder: reason.nullable().transform((value) => value ?? undefined),
});

const frameInputs = z.strictObject({
  frame,
  sceneFrames: z.array(z.strictObject({ scene: name, frame })).max(limits.maxSceneFramesPerFrame),
});

const outputKind = z.enum(["main", "movie", "node"]);
const expectedOutput = z.union([
  z.strictObject({ kind: outputKind, before: path, digits: z.int().min(0).max(limits.maxDigits), after: path }),
  z.strictObject({ kind: outputKind, paths: z.array(z.tuple([frame, path])).max(limits.maxListedOutputs) }),
]) satisfies z.ZodType<ExpectedOutput>;

const facts = z.strictObject({
  blenderVersion: name,
  scene: name,
  frameCurrent: frame,
  frameStart: frame,
  frameEnd: frame,
  frameStep: z.int().min(1).max(limits.maxFrame),
  fps: z.strictObject({ numerator: z.int().positive(), denominator: z.int().positive() }),
  output: z.strictObject({
    format: name,
    isMovie: z.boolean(),
    overwrite: z.boolean(),
    existing: z.array(frame).max(limits.maxFrames + 1),
    useExtension: z.boolean(),
    files: z.array(expectedOutput).max(limits.maxOutputs),
    path,
  }),
  scenes: z.array(sceneRenderFacts).min(1).max(limits.maxScenes),
  frameInputs: z.array(frameInputs).max(limits.maxFrames),
  hasDenoiser: z.boolean(),
  memoryBytes: z.int().min(0).max(limits.maxMemoryBytes),
  warnings: z.array(reason).max(limits.maxWarnings),
}) satisfies z.ZodType<SceneFacts>;

const file = z.strictObject({ path, kind: name, missing: z.boolean() }) satisfies z.ZodType<SceneFile>;

/** What `scripts/p2p_blender/inspect/inspect_scene.py` answers. */
export const InspectionAnswer = z.strictObject({
  facts,
  files: z.array(file).min(1).max(limits.maxFiles),
  /** Looking left the scene as Blender opened it. */
  asOpened: z.boolean(),
});
