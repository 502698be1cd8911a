import { FRAME_LIST_LIMITS } from "../plan/frames.ts";
import { FRAME_LIMITS } from "./frame-limits.ts";

/** The type of an option's value. */
export type OptionValue =
  | { readonly kind: "text"; readonly minChars?: number; readonly maxChars: number }
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  /** A switch; with `<…>` in its flag it is written 0 or 1, as Blender does. */
  | { readonly kind: "boolean" }
  | { readonly kind: "choice"; readonly of: readonly string[] };

/** One option of a job: its values, and its flag on the command line. */
export interface DeclaredOption {
  readonly value: OptionValue;
  /** As commander reads it; its place among the others is its place in `--help`. */
  readonly flag: string;
  readonly help: string;
  readonly default?: string;
  /** Given several times on the command line, its values are joined by this text; otherwise the last one counts. */
  readonly joinedBy?: string;
}

/** One of Blender's own flags, with Blender's meaning: it is passed to every Blender that opens the scene on this machine. */
export interface DeclaredFlag extends DeclaredOption {
  /** The flag on Blender's command line. */
  readonly argument: string;
}

const name = { kind: "text", maxChars: 256 } as const;
const path = { kind: "text", maxChars: 4_096 } as const;
const frame = { kind: "integer", min: -FRAME_LIMITS.maxFrame, max: FRAME_LIMITS.maxFrame } as const;

/**
 * Blender's own flags, in the order in which Blender must read them: the scene first. Plain data, so that `--help` loads
 * little; schemas and types follow from it (`option-schemas.ts`).
 */
export const BLENDER_FLAGS = {
  scene: { value: name, flag: "-S, --scene <name>", argument: "-S", help: "the scene to render" },
  output: { value: path, flag: "-o, --render-output <path>", argument: "-o", help: "where pictures go; # is the frame number" },
  format: {
    value: { kind: "text", maxChars: 64 },
    flag: "-F, --render-format <format>",
    argument: "-F",
    help: "PNG, JPEG, OPEN_EXR, OPEN_EXR_MULTILAYER, …",
  },
  useExtension: { value: { kind: "boolean" }, flag: "-x, --use-extension <bool>", argument: "-x", help: "add the file extension" },
  frameStart: { value: frame, flag: "-s, --frame-start <frame>", argument: "-s", help: "first frame" },
  frameEnd: { value: frame, flag: "-e, --frame-end <frame>", argument: "-e", help: "last frame" },
  frameStep: { value: { ...frame, min: 1 }, flag: "-j, --frame-jump <frames>", argument: "-j", help: "frame step" },
} as const satisfies Record<string, DeclaredFlag>;

/**
 * A job's options, beside its scene and Blender's flags. Each one declared here is an option of `bridge render`, a field of
 * `jobs.submit`, and is stored in the job's journal.
 */
export const JOB_OPTIONS = {
  animation: { value: { kind: "boolean" }, flag: "-a, --render-anim", help: "the scene's animation" },
  frames: {
    value: { kind: "text", maxChars: FRAME_LIST_LIMITS.maxTextLength },
    flag: "-f, --render-frame <frames>",
    help: "frames: 1,3,5..9 or 1-20x2 (repeatable)",
    joinedBy: ",",
  },
  tiles: {
    value: { kind: "text", maxChars: 32 },
    flag: "--tiles <how>",
    help: "auto, off or COLUMNSxROWS (default: auto for a still; for an animation whole frames, the last ones in tiles)",
  },
  exact: { value: { kind: "boolean" }, flag: "--exact", help: "no tiles where their bits could differ from the whole frame's" },
  verify: {
    value: { kind: "choice", of: ["off", "spot", "full"] },
    flag: "--verify <how>",
    help: "how many results of other machines are checked",
    default: "spot",
  },
  environment: {
    value: { kind: "text", minChars: 1, maxChars: 256 },
    flag: "--environment <name>",
    help: "donors render in this environment (name or digest), and fetch it from this machine if they lack it",
  },
  video: { value: path, flag: "--video <file>", help: "also encode the frames: .mp4, .webm, .mov or .mkv" },
} as const satisfies Record<string, DeclaredOption>;
