import type { ChunkSpec, DeviceClass } from "../core/plan/chunk.ts";
import type { SceneFacts, SceneFile } from "../core/job/scene-facts.ts";
import type { WrittenFile } from "../core/ledger/written-file.ts";
import type { FarmError } from "../kernel/errors.ts";

/** One Blender on this machine. */
export interface BlenderBuild {
  readonly path: string;
  /** "3.4.1" */
  readonly version: string;
  readonly buildHash: string;
  /** Can denoise inside a render (OpenImageDenoise compiled in). */
  readonly hasDenoiser: boolean;
}

/** A started process with pipes; made by the sandbox room. */
export interface RunningProcess {
  readonly pid: number | undefined;
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
  readonly stderr: NodeJS.ReadableStream;
  /** Resolves (never rejects) when the process and its children have ended; `reason`: if its sandbox knows it. */
  readonly exited: Promise<{ readonly exitCode: number | undefined; readonly signal: string | undefined; readonly reason?: FarmError }>;
  /** Ends it now, children included. */
  kill(): void;
  /** Pauses it with its children, keeping its memory; undefined if the sandbox cannot. */
  freeze?(): void | Promise<void>;
  thaw?(): void | Promise<void>;
  /**
   * Moves its files to paths that do not exist yet; undefined if they are files of this machine anyway.
   * Throws if a path is no file, and if they are larger together than its sandbox's scratch.
   */
  take?(files: readonly { readonly path: string; readonly toPath: string }[]): Promise<void>;
}

/** Port: how this room starts Blender. The process room and the container room implement it. */
export type StartProcess = (request: {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}) => Promise<RunningProcess>;

/** The result of inspection: facts for the planner, files for the bundle. */
export interface Inspection {
  readonly facts: SceneFacts;
  readonly files: readonly SceneFile[];
}

/** Options of `load`: the new locations of paths that are not relative to the .blend. */
export interface LoadOptions {
  /** Absolute directory or file prefix in the .blend -> absolute path here; longest prefix wins. */
  readonly remap: Readonly<Record<string, string>>;
}

export interface RenderedFiles {
  /** Absolute paths in the session's scratch folder; the caller moves or deletes them. */
  readonly raw?: string;
  readonly outputs: readonly string[];
  /** Small JPEG in the scene's own view transform, when one could be made. */
  readonly preview?: string;
  /** Seconds inside Blender's render call. */
  readonly renderSeconds: number;
  /** Peak resident memory of Blender so far. */
  readonly peakMemoryBytes: number;
  /** At which sample each view of each view layer stopped, in the order of rendering. */
  readonly lastSamples?: readonly number[];
}

/** One warm Blender holding one scene, doing many chunks. Calls are made one at a time. */
export interface BlenderSession extends AsyncDisposable {
  load(scenePath: string, options: LoadOptions, signal: AbortSignal): Promise<void>;
  /** Fails with BLENDER_RENDER_FAILED (the session continues), BLENDER_CRASHED or BLENDER_HUNG (the session has ended). */
  render(spec: ChunkSpec, signal: AbortSignal): Promise<RenderedFiles>;
  /** Its devices. */
  readonly backend: DeviceClass["backend"];
  /** Why it renders on the CPU, though it was opened for GPUs. */
  readonly fellBack: string | undefined;
  /** Settles when the process has ended, for any reason. */
  readonly exited: Promise<void>;
  close(): Promise<void>;
}

/** The finishing Blender: opens the scene once, makes final pictures from assembled raw frames. */
export interface Finisher extends AsyncDisposable {
  /**
   * Makes the final files of one frame and moves them into place.
   * @returns all files written, in the order Blender wrote them: bytes and names are on the disk.
   */
  finishFrame(frame: number, signal: AbortSignal): Promise<readonly WrittenFile[]>;
  /** Writes the scene's own movie over all frames, in order; every frame must be assembled. */
  finishMovie(
    frames: { readonly start: number; readonly end: number; readonly step: number },
    signal: AbortSignal,
  ): Promise<readonly WrittenFile[]>;
  close(): Promise<void>;
}
