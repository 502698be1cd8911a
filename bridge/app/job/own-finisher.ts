import { dirname, join } from "node:path";
import type { BlenderProcess } from "../../blender/blender-process.ts";
import { type FinisherOptions, openFinisher } from "../../blender/finish/finisher.ts";
import type { Finisher } from "../../blender/types.ts";
import { changedScene } from "../../content/bundle/changed-scene.ts";
import type { Disk } from "../../kernel/disk.ts";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";
import type { Scratch } from "./scratch.ts";
import type { SentScene } from "./sent-scene.ts";

interface OwnFinisherDeps {
  readonly disk: Pick<Disk, "rm">;
  readonly sent: SentScene;
  readonly scratch: Pick<Scratch, "noteOutside">;
  /** The Blender that inspected the scene; it has the scene open as it was sent. */
  readonly opened: BlenderProcess | undefined;
}

/**
 * The finishing Blender of a job, with the scene as it was sent. If it opens the scene only after the file was
 * overwritten, it opens the copy: while it does, the copy is placed beside the original, so that relative paths still resolve.
 * Throws as `openFinisher`, and SCENE_CHANGED if its pictures would differ.
 */
export async function openOwnFinisher(
  { disk, sent, scratch, opened }: OwnFinisherDeps,
  options: FinisherOptions,
  signal: AbortSignal,
): Promise<Finisher> {
  const confirm = (end: AbortSignal) => sent.confirmOthers(end);
  const deps = { start: startPlainProcess, noteStage: (stage: string) => scratch.noteOutside(stage), confirm };
  if (opened?.isAlive) return await openFinisher({ ...deps, opened }, options, signal);
  await sent.confirmOthers(signal);
  if (await sent.isUntouched()) {
    const finisher = await openFinisher(deps, options, signal);
    if (await sent.isUntouched()) return finisher;
    await finisher.close(); // overwritten while it was being opened
  }
  const beside = join(dirname(options.scenePath), `${options.stageName}.blend`);
  try {
    await sent.confirmCopy(signal);
    await placeCopy(beside, { disk, sent, scratch });
    const noteStage = async (stage: string) => {
      await disk.rm(beside, { force: true }); // Blender has read it; a killed bridge leaves at most this one file
      await scratch.noteOutside(stage);
    };
    return await openFinisher({ ...deps, noteStage }, { ...options, scenePath: beside, isCopy: true }, signal);
  } finally {
    await disk.rm(beside, { force: true });
  }
}

async function placeCopy(beside: string, { disk, sent, scratch }: Pick<OwnFinisherDeps, "disk" | "sent" | "scratch">): Promise<void> {
  await scratch.noteOutside(beside);
  try {
    await disk.rm(beside, { force: true });
    await sent.copy.copyTo(beside);
  } catch (cause) {
    throw changedScene(sent.path, cause);
  }
}
