import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";
import type { Home } from "../../config/home.ts";
import { systemDisk } from "../../kernel/disk.ts";
import { removeFolder } from "../../kernel/files/remove-folder.ts";
import { isRunning } from "../../kernel/process-identity.ts";

/** How folders begin that this process makes outside of its scratch: nothing else is ever cleared there. */
export const STAGE_PREFIX = ".p2p-render-";

/** Files that hold the path of a folder outside. Beside the folders of Blenders, not in them: those are strangers' to write. */
const OUTSIDE = "outside-";

/** This process's folders for its Blenders, apart from those of other bridges with the same home. */
export interface Scratch extends AsyncDisposable {
  /** The folder of one Blender; made when it is not there. */
  folder(purpose: string): Promise<string>;
  /** A part of it with folders of its own. */
  inner(name: string): Scratch;
  /** Notes a folder elsewhere, named with the prefix: should this process be killed, the next one clears it. */
  noteOutside(folder: string): Promise<void>;
}

/**
 * Opens this process's scratch and clears what killed bridges left in theirs. Disposing removes it: dispose it last.
 * Clears once more then: a killed bridge's Blender may write on for a moment, until it hears that nobody is there.
 */
export async function openScratch(home: Home): Promise<Scratch> {
  await clearOfTheDead(home);
  const own = scratchIn(join(home.scratch, String(process.pid)), []);
  return {
    ...own,
    [Symbol.asyncDispose]: async () => {
      await own[Symbol.asyncDispose]();
      await clearOfTheDead(home);
    },
  };
}

async function clearOfTheDead(home: Home): Promise<void> {
  for (const name of await readdir(home.scratch)) {
    if (!isRunning(Number(name))) await clear(join(home.scratch, name));
  }
}

/** The part of a process's scratch with these names, each inside the one before. */
function scratchIn(whole: string, names: readonly string[]): Scratch {
  const root = join(whole, ...names);
  const note = join(whole, `${OUTSIDE}${names.join("-")}`);
  return {
    folder: async (purpose) => {
      const folder = join(root, purpose);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
    inner: (name) => scratchIn(whole, [...names, name]),
    noteOutside: async (folder) => {
      await mkdir(whole, { recursive: true, mode: 0o700 });
      await writeFile(note, folder, { mode: 0o600 });
    },
    [Symbol.asyncDispose]: async () => {
      await rm(root, { recursive: true, force: true });
      await rm(note, { force: true });
    },
  };
}

/** Removes a dead process's scratch, after what it noted outside. */
async function clear(root: string): Promise<void> {
  for (const entry of await readdir(root, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile() || !entry.name.startsWith(OUTSIDE)) continue;
    const folder = await readFile(join(root, entry.name), "utf8").catch(() => "");
    if (isAbsolute(folder) && basename(folder).startsWith(STAGE_PREFIX)) await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
  await removeFolder(systemDisk, root).catch(() => {}); // the next one tries again
}
