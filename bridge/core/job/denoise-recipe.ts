import { z } from "zod";
import { FACTS_LIMITS } from "./facts-limits.ts";
import { FRAME_LIMITS } from "./frame-limits.ts";

const LayerName = z.string().max(FACTS_LIMITS.maxNameChars);
const Positive = z.number().positive();

/** The film exposure of tiles, and the light sampling threshold that goes with it (0: left as it is). */
export const TileFilm = z.strictObject({ exposure: Positive, lightThreshold: z.number().min(0).max(1) }).readonly();
export type TileFilm = z.infer<typeof TileFilm>;

const DenoiseLayer = z
  .strictObject({
    name: LayerName,
    denoised: z.boolean(),
    /** Samples a pixel. */
    samples: z.int().min(1).max(FRAME_LIMITS.maxSamples),
    /** Cycles keeps a sample count for every pixel, and divides by it before the denoiser instead of after it. */
    counted: z.boolean(),
    // Passes that the artist's own render has.
    countPass: z.boolean(),
    guidePasses: z.boolean(),
    catcherPass: z.boolean(),
    environmentPass: z.boolean(),
  })
  .readonly();
export type DenoiseLayer = z.infer<typeof DenoiseLayer>;

/**
 * How the assembled frame of a denoised Cycles scene is denoised; made in Blender, where `common/denoise_recipe.py` says what the ways
 * mean. "mean" and "sum" give the bits of one render, "near" differs by about 5e-6 of a value.
 */
export const DenoiseRecipe = z
  .strictObject({
    way: z.enum(["mean", "sum", "near"]),
    /** For "sum": also the scale, such that a pass is the sum of its samples times it. */
    film: z.strictObject({ ...TileFilm.unwrap().shape, scale: Positive }).nullable(),
    /** Film exposure of the scene. */
    exposure: z.number().min(0),
    adaptive: z.boolean(),
    /** A shadow catcher is in the scene. */
    catcher: z.boolean(),
    /** Transparent film. */
    transparent: z.boolean(),
    guides: z.enum(["RGB", "RGB_ALBEDO", "RGB_ALBEDO_NORMAL"]),
    prefilter: z.enum(["NONE", "FAST", "ACCURATE"]),
    quality: z.enum(["HIGH", "BALANCED", "FAST"]),
    layers: z.array(DenoiseLayer).max(FACTS_LIMITS.maxLayers).readonly(),
  })
  .readonly();
export type DenoiseRecipe = z.infer<typeof DenoiseRecipe>;
