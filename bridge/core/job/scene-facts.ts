/** A pixel rectangle in full-frame coordinates, y up as in Blender. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** One sentence for people, with a code for scripts. */
export interface Reason {
  readonly code: string;
  readonly message: string;
}

/** What the planner must know of one scene of the file that takes part in the job. */
export interface SceneRenderFacts {
  readonly name: string;
  /** Engine id: "CYCLES", "BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH", … */
  readonly engine: string;
  /** Full frame in pixels, after the resolution percentage (or as another scene's compositor asks for it). */
  readonly width: number;
  readonly height: number;
  /** What is rendered of the full frame: the user's border, else the whole frame. */
  readonly region: Rect;
  /** True when the picture has the region's size and not the frame's (crop to border). */
  readonly cropped: boolean;
  /** Samples a pixel of the most demanding view layer. */
  readonly samples: number;
  readonly adaptive: boolean;
  /** Denoising inside the render is on for some view layer. */
  readonly denoised: boolean;
  readonly viewLayers: readonly string[];
  /** View names: [""] for mono, ["left", "right", …] for stereo and multi-view. */
  readonly views: readonly string[];
  /** Why this scene's frames cannot be cut into tiles; empty when they can. */
  readonly untileable: readonly Reason[];
  /** Why its frames must be rendered in order (unbaked simulation); undefined when they need not. */
  readonly inOrder: Reason | undefined;
}

/** True for a scene that is rendered until a time is up: how far that gets is another thing for each render. */
export function isByTheClock({ untileable }: Pick<SceneRenderFacts, "untileable">): boolean {
  return untileable.some(({ code }) => code === "time-limit");
}

/** One picture a render engine is asked for: a scene at a frame. Everything a job renders is made of these. */
export interface SceneFrame {
  readonly scene: string;
  readonly frame: number;
}

/** What an output frame is made of; sequencer strips and other scenes' layers ask for more than one unit. */
export interface FrameInputs {
  readonly frame: number;
  readonly sceneFrames: readonly SceneFrame[];
}

/** Of the scene's own output: its pictures, or its movie; or of a File Output node. */
export type OutputKind = "main" | "movie" | "node";

/**
 * One file that Blender writes for each frame asked for: absolute path before the frame number, least digits of
 * the number (0: it has none, as a movie of all frames), and what follows; or path by path.
 */
export type ExpectedOutput =
  | { readonly kind: OutputKind; readonly before: string; readonly digits: number; readonly after: string }
  | { readonly kind: OutputKind; readonly paths: readonly (readonly [frame: number, path: string])[] };

/** What inspection of a scene (with the user's own Blender flags applied) found. */
export interface SceneFacts {
  readonly blenderVersion: string;
  /** Main scene: the one that is rendered. */
  readonly scene: string;
  readonly frameCurrent: number;
  readonly frameStart: number;
  readonly frameEnd: number;
  readonly frameStep: number;
  /** Frames a second as a fraction, for instance 30000/1001. */
  readonly fps: { readonly numerator: number; readonly denominator: number };
  readonly output: {
    /** File format id as Blender names it: "PNG", "OPEN_EXR_MULTILAYER", "FFMPEG", … */
    readonly format: string;
    readonly isMovie: boolean;
    /** Existing files are kept, their frames skipped, when false. */
    readonly overwrite: boolean;
    /** Frames whose pictures are all there already; looked for only where they would be kept. */
    readonly existing: readonly number[];
    /** Blender adds the format's extension to file names. */
    readonly useExtension: boolean;
    /** What Blender will write for the frames asked for; journals of earlier versions do not have it. */
    readonly files?: readonly ExpectedOutput[];
    /** Absolute output path pattern as Blender understands it (may hold #). */
    readonly path: string;
  };
  readonly scenes: readonly SceneRenderFacts[];
  /** The units of each frame asked for; when empty, each frame is one unit of the main scene. */
  readonly frameInputs: readonly FrameInputs[];
  /** Denoising is possible in this build. */
  readonly hasDenoiser: boolean;
  /** Of the Blender that opened the scene, at its peak: rendering takes no less. */
  readonly memoryBytes?: number;
  readonly warnings: readonly Reason[];
}

/** A file that the scene reads, as Blender resolved it, and how the scene names it. */
export interface SceneFile {
  /** Absolute path on the requester's machine. */
  readonly path: string;
  /** "blend" for the scene itself, else "library", "image", "movie", "sound", "font", "volume", "cache", "text", "ies", "other". */
  readonly kind: string;
  readonly missing: boolean;
}
