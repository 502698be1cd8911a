import { z } from "zod";

/** Bounds on what a journal may hold: it is our own file, but other programs can write into it. */
export const RECORD_LIMITS = {
  maxTextChars: 65_536,
  maxNameChars: 1_024,
  maxListItems: 1_000_000,
  maxFiles: 10_000,
  maxSidePx: 65_536,
  maxDigits: 1_024,
} as const;

export const Text = z.string().max(RECORD_LIMITS.maxTextChars);
export const Name = z.string().max(RECORD_LIMITS.maxNameChars);
export const Frame = z.int().min(-1_048_574).max(1_048_574);

const Side = z.int().min(1).max(RECORD_LIMITS.maxSidePx);
const Offset = z.int().min(0).max(RECORD_LIMITS.maxSidePx);
const list = <T extends z.ZodType>(item: T) => z.array(item).max(RECORD_LIMITS.maxListItems);

const RectSchema = z.strictObject({ x: Offset, y: Offset, width: Side, height: Side });
const ReasonSchema = z.strictObject({ code: Name, message: Text });

const SceneRenderFactsFields = z.strictObject({
  name: Name,
  engine: Name,
  width: Side,
  height: Side,
  region: RectSchema,
  cropped: z.boolean(),
  samples: z.number().min(0),
  adaptive: z.boolean(),
  denoised: z.boolean(),
  viewLayers: list(Name),
  views: list(Name),
  untileable: list(ReasonSchema),
  inOrder: z.optional(ReasonSchema),
});
/** JSON drops a key without a value; the facts have it. */
const SceneRenderFactsSchema = SceneRenderFactsFields.transform((scene) => ({ ...scene, inOrder: scene.inOrder }));

const SceneFrameSchema = z.strictObject({ scene: Name, frame: Frame });

const OutputKindSchema = z.enum(["main", "movie", "node"]);
const ExpectedOutputSchema = z.union([
  z.strictObject({ kind: OutputKindSchema, before: Text, digits: z.int().min(0).max(RECORD_LIMITS.maxDigits), after: Text }),
  z.strictObject({ kind: OutputKindSchema, paths: z.array(z.tuple([Frame, Text])).max(RECORD_LIMITS.maxFiles) }),
]);

export const SceneFactsSchema = z.strictObject({
  blenderVersion: Name,
  scene: Name,
  frameCurrent: Frame,
  frameStart: Frame,
  frameEnd: Frame,
  frameStep: z.int().min(1),
  fps: z.strictObject({ numerator: z.number().positive(), denominator: z.number().positive() }),
  output: z.strictObject({
    format: Name,
    isMovie: z.boolean(),
    overwrite: z.boolean(),
    // Journals of earlier versions do not have it.
    existing: list(Frame).default([]),
    useExtension: z.boolean(),
    // Nor this.
    files: z.exactOptional(z.array(ExpectedOutputSchema).max(RECORD_LIMITS.maxFiles)),
    path: Text,
  }),
  scenes: list(SceneRenderFactsSchema),
  frameInputs: list(z.strictObject({ frame: Frame, sceneFrames: list(SceneFrameSchema) })),
  hasDenoiser: z.boolean(),
  memoryBytes: z.exactOptional(z.int().min(0)),
  warnings: list(ReasonSchema),
});

const Count = z.int().min(1).max(RECORD_LIMITS.maxSidePx);
const TailFramesSchema = z.strictObject({ frames: z.int().min(1), columns: Count, rows: Count });
const SceneGridSchema = z.strictObject({
  scene: Name,
  columns: Count,
  rows: Count,
  tailSubdivision: z.exactOptional(Count),
  late: z.exactOptional(TailFramesSchema),
});
const TilesOptionSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("auto") }),
  z.strictObject({ kind: z.literal("off") }),
  z.strictObject({ kind: z.literal("grid"), columns: Count, rows: Count }),
]);

export const PlanInputSchema = z.strictObject({
  facts: SceneFactsSchema,
  options: z.strictObject({
    frames: list(Frame),
    still: z.boolean(),
    tiles: z.exactOptional(TilesOptionSchema),
    slots: z.number().min(0),
    secondsPerSamplePixel: z.exactOptional(z.number().positive()),
    grids: list(SceneGridSchema),
  }),
});
