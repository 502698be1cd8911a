import { cp, mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { BLENDER } from "../../blender-reference.ts";
import { SAMPLES } from "../../bridge-command.ts";
import { sceneNamed } from "../story/scene-list.ts";

const SCRIPT = fileURLToPath(new URL("../make_scenes.py", import.meta.url));

/** The working folder of a soak; scenes and references are kept for the next one. */
export interface WorkFolder {
  readonly root: string;
  readonly scenes: string;
  readonly references: string;
  /** Homes of donors that are reused by many stories. */
  readonly donors: string;
  /** Files of stories; only those of failed ones are kept. */
  readonly runs: string;
}

/** Opens it, and makes the soak's scenes when their script is newer. */
export async function openWorkFolder(root: string): Promise<WorkFolder> {
  const work = {
    root,
    scenes: join(root, "scenes"),
    references: join(root, "references"),
    donors: join(root, "donors"),
    runs: join(root, "runs"),
  };
  for (const folder of [work.references, work.donors, work.runs]) await mkdir(folder, { recursive: true });
  const made = await stat(work.scenes).catch(() => undefined);
  if (made !== undefined && made.mtimeMs > (await stat(SCRIPT)).mtimeMs) return work;
  await rm(work.references, { recursive: true, force: true });
  await mkdir(work.references);
  const fresh = `${work.scenes}.new`;
  await rm(fresh, { recursive: true, force: true });
  await execa(BLENDER, ["-b", "--factory-startup", "--python-exit-code", "3", "--python", SCRIPT, "--", fresh]);
  await rm(work.scenes, { recursive: true, force: true });
  await cp(fresh, work.scenes, { recursive: true });
  await rm(fresh, { recursive: true });
  return work;
}

/** Copies a scene with its files to a new folder; returns the path of the .blend. */
export async function copyScene(work: WorkFolder, name: string, folder: string): Promise<string> {
  const scene = sceneNamed(name);
  await mkdir(folder, { recursive: true });
  if (scene.from === "made") {
    await cp(join(work.scenes, name), folder, { recursive: true });
    return join(folder, "scene.blend");
  }
  for (const entry of [`${name}.blend`, "linked", "pictures"]) await cp(join(SAMPLES, entry), join(folder, entry), { recursive: true });
  return join(folder, `${name}.blend`);
}
