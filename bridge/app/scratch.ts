import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Home } from "../config/home.ts";

/** This process's folders for its Blenders, apart from those of other bridges with the same home. */
export interface Scratch extends AsyncDisposable {
  /** The folder of one Blender; made when it is not there. */
  folder(purpose: string): Promise<string>;
  /** A part of it with folders of its own. */
  inner(name: string): Scratch;
}

/** Opens this process's scratch and clears what killed bridges left in theirs. Disposing removes it: dispose it last. */
export async function openScratch(home: Home): Promise<Scratch> {
  for (const name of await readdir(home.scratch)) {
    if (!isAlive(Number(name))) await rm(join(home.scratch, name), { recursive: true, force: true });
  }
  return scratchIn(join(home.scratch, String(process.pid)));
}

function scratchIn(root: string): Scratch {
  return {
    folder: async (purpose) => {
      const folder = join(root, purpose);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
    inner: (name) => scratchIn(join(root, name)),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

/** Whether a process of this number runs; another user's counts, too. */
function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
