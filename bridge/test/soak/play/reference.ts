import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { renderReference } from "../../blender-reference.ts";
import { type Frames, type JobStory, lastOf } from "../story/story.ts";
import { copyScene, type WorkFolder } from "./work-folder.ts";

/** A job rendered by plain Blender: the folder with scene and pictures, and the duration. */
export interface Reference {
  readonly folder: string;
  readonly seconds: number;
}

const Taken = z.object({ seconds: z.number() });

/** Blender's own flags of a job whose scene is in `folder`, in Blender's order. */
export function blenderFlags({ format, frames }: Pick<JobStory, "format" | "frames">, folder: string): string[] {
  return ["-o", join(folder, "render", "f_####"), ...(format === undefined ? [] : ["-F", format]), ...frameFlags(frames)];
}

function frameFlags(frames: Frames): string[] {
  switch (frames.kind) {
    case "list":
      return ["-f", listOf(frames)];
    case "range":
      return ["-s", `${frames.first}`, "-e", `${lastOf(frames)}`, "-j", `${frames.step}`, "-a"];
    case "scene":
      return ["-a"];
  }
}

/** As `-f` takes it. */
export function listOf({ first, count }: { readonly first: number; readonly count: number }): string {
  return count === 1 ? `${first}` : `${first}..${first + count - 1}`;
}

/** Rendered once for all jobs with these flags, and kept. */
export async function referenceOf(work: WorkFolder, job: JobStory): Promise<Reference> {
  const words = JSON.stringify([job.scene, job.format, job.frames]);
  const folder = join(work.references, `${job.scene}-${createHash("sha256").update(words).digest("hex").slice(0, 12)}`);
  const known = await readFile(`${folder}.json`, "utf8").catch(() => undefined);
  if (known !== undefined) return { folder, ...Taken.parse(JSON.parse(known)) };
  const seconds = await renderInto(work, job, folder);
  await writeFile(`${folder}.json`, JSON.stringify({ seconds }));
  return { folder, seconds };
}

/** Renders once more, to detect scenes that Blender itself does not render deterministically. */
export async function anotherReference(work: WorkFolder, job: JobStory, folder: string): Promise<Reference> {
  return { folder, seconds: await renderInto(work, job, folder) };
}

async function renderInto(work: WorkFolder, job: JobStory, folder: string): Promise<number> {
  await rm(folder, { recursive: true, force: true });
  const scene = await copyScene(work, job.scene, folder);
  const startMs = performance.now();
  await renderReference(scene, blenderFlags(job, folder), join(folder, "render"));
  return (performance.now() - startMs) / 1000;
}
