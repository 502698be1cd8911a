import { z } from "zod";
import { FACTS_LIMITS, FrameNumber, Name, Path } from "./scene-facts.ts";

/** One choice of whoever submits a job: what it may be, and how the command line writes it. */
export interface DeclaredOption {
  readonly schema: z.ZodType;
  /** As commander reads it; its place among the others is its place in `--help`. */
  readonly flag: string;
  readonly help: string;
  readonly default?: string | boolean;
}

/** A flag of Blender's own, with Blender's own meaning: it is handed on to every Blender that opens the scene here. */
export interface DeclaredFlag extends DeclaredOption {
  /** What Blender's command line calls it. */
  readonly argument: string;
}

/** Blender's own flags, in the order in which Blender must read them: the scene first. */
export const BLENDER_FLAGS = {
  scene: { schema: Name, flag: "-S, --scene <name>", argument: "-S", help: "the scene to render" },
  output: { schema: Path, flag: "-o, --render-output <path>", argument: "-o", help: "where pictures go; # is the frame number" },
  format: {
    schema: z.string().min(1).max(64),
    flag: "-F, --render-format <format>",
    argument: "-F",
    help: "PNG, JPEG, OPEN_EXR, OPEN_EXR_MULTILAYER, …",
  },
  useExtension: { schema: z.boolean(), flag: "-x, --use-extension <bool>", argument: "-x", help: "add the file extension" },
  frameStart: { schema: FrameNumber, flag: "-s, --frame-start <frame>", argument: "-s", help: "first frame" },
  frameEnd: { schema: FrameNumber, flag: "-e, --frame-end <frame>", argument: "-e", help: "last frame" },
  frameStep: { schema: z.int().min(1).max(FACTS_LIMITS.maxFrame), flag: "-j, --frame-jump <frames>", argument: "-j", help: "frame step" },
} as const satisfies Record<string, DeclaredFlag>;

/** How much of what strangers deliver is rendered twice. Donors of one's own machine are never checked. */
export const VerifyLevel = z.enum(["off", "spot", "full"]);
export type VerifyLevel = z.infer<typeof VerifyLevel>;

/** `files`: finished pictures. `raw`: assembled float pictures that stay here until somebody takes them, to be finished elsewhere. */
export const Deliver = z.enum(["files", "raw"]);
export type Deliver = z.infer<typeof Deliver>;

/**
 * What a job is to be, beside its scene and Blender's flags. Whatever is declared here is an option of `bridge render`, a field of
 * `jobs.submit`, and stands in the job's journal.
 */
export const JOB_OPTIONS = {
  animation: { schema: z.boolean(), flag: "-a, --render-anim", help: "the scene's animation", default: false },
  frames: { schema: z.string().min(1).max(4_096), flag: "-f, --render-frame <frames>", help: "frames: 1,3,5..9 or 1-20x2" },
  tiles: {
    schema: z.string().min(1).max(32),
    flag: "--tiles <how>",
    help: "auto, off or COLUMNSxROWS (default: auto for a still; for an animation whole frames, the last ones in tiles)",
  },
  verify: { schema: VerifyLevel, flag: "--verify <how>", help: "how many results of other machines are checked", default: "spot" },
  environment: {
    schema: z.string().min(1).max(256),
    flag: "--environment <name>",
    help: "donors render in this environment: its name or digest; those who lack it get it from here",
  },
  video: { schema: Path.min(1), flag: "--video <file>", help: "also encode the frames: .mp4, .webm, .mov or .mkv" },
} as const satisfies Record<string, DeclaredOption>;

type Declared = Readonly<Record<string, DeclaredOption>>;
type SchemaOf<D> = D extends { readonly schema: infer S extends z.ZodType } ? S : never;
type Fields<T extends Declared> = { [K in keyof T]: z.ZodOptional<SchemaOf<T[K]>> };

/** The fields of a shape that has all these options, each of which may be left out. */
export function optionalFields<T extends Declared>(declared: T): Fields<T> {
  return Object.fromEntries(Object.entries(declared).map(([name, { schema }]) => [name, schema.optional()])) as Fields<T>;
}

type WireFields<T extends Declared> = { [K in keyof T]: z.ZodOptional<z.ZodNullable<SchemaOf<T[K]>>> };

/** The same on a wire, where null is as good as nothing. */
export function declaredFields<T extends Declared>(declared: T): WireFields<T> {
  return Object.fromEntries(Object.entries(declared).map(([name, { schema }]) => [name, schema.nullish()])) as WireFields<T>;
}

/** Blender's own flags of a render. */
export const BlenderFlags = z.strictObject(optionalFields(BLENDER_FLAGS)).readonly();
export type BlenderFlags = z.infer<typeof BlenderFlags>;

export const JobOptions = z.strictObject(optionalFields(JOB_OPTIONS)).readonly();
export type JobOptions = z.infer<typeof JobOptions>;

/** Takes those values out of a larger object that are declared here; what is null or undefined is left out. */
export function pickDeclared(declared: Declared, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const picked = Object.keys(declared).map((name) => [name, values[name] ?? undefined] as const);
  return Object.fromEntries(picked.filter(([, value]) => value !== undefined));
}
