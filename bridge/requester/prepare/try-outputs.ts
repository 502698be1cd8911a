import { dirname } from "node:path";
import type { DeliveryMode } from "../../core/job/option-schemas.ts";
import type { SceneFacts } from "../../core/job/scene-facts.ts";
import { expectedFiles } from "../../core/plan/expected-files.ts";
import { FarmError } from "../../kernel/errors.ts";
import { outputFolderOf } from "../delivery/output-folder.ts";

export interface OutputTrials {
  /** Throws OUTPUT_NOT_WRITABLE, DISK_FULL if no file can be written to a folder. */
  readonly tryOutput: (folder: string, signal: AbortSignal) => Promise<void>;
  /** The same for a file's folder, and if the file cannot get its name. */
  readonly tryOutputFile: (file: string, signal: AbortSignal) => Promise<void>;
}

/** What a job writes: its pictures in a folder, and perhaps a video. */
export interface JobOutputs {
  readonly facts: SceneFacts;
  readonly deliver: DeliveryMode;
  readonly frames: readonly number[];
  /** Absolute. */
  readonly video: string | undefined;
  /** The files that the scene reads. */
  readonly sceneFiles: readonly string[];
}

/**
 * Tests, before any work, whether the job's own files can be written; a job that only assembles writes none.
 * Throws OUTPUT_NOT_WRITABLE, DISK_FULL.
 */
export async function tryOutputs(deps: OutputTrials, outputs: JobOutputs, signal: AbortSignal): Promise<void> {
  const { facts, deliver, video } = outputs;
  if (deliver === "raw") return;
  if (video !== undefined) requireOwnName(video, outputs);
  await deps.tryOutput(outputFolderOf(facts.output), signal);
  if (video !== undefined) await deps.tryOutputFile(video, signal);
}

/** The video must replace neither a file that the scene reads, nor a picture, nor the folder of the pictures. */
function requireOwnName(video: string, { facts, frames, sceneFiles }: JobOutputs): void {
  const refuse = (what: string) => {
    throw new FarmError("OUTPUT_NOT_WRITABLE", `the video ${video} would replace ${what}`, {
      advice: "Give the video another name (--video).",
    });
  };
  if (sceneFiles.includes(video)) refuse("a file that the scene reads");
  for (const frame of frames) {
    for (const { path } of expectedFiles(facts.output, frame)) {
      if (path === video) refuse(`a picture of the job (frame ${frame})`);
      if (isAbove(video, path)) refuse("the folder of the pictures");
    }
  }
}

function isAbove(folder: string, path: string): boolean {
  for (let above = dirname(path); above.length >= folder.length; above = dirname(above)) if (above === folder) return true;
  return false;
}
