import { basename, isAbsolute, join } from "node:path";
import type { Home } from "../../config/home.ts";
import type { Disk } from "../../kernel/disk.ts";
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
  /** Removes such a folder when its Blender has gone. */
  remove(folder: string): Promise<void>;
  /** A part of it with folders of its own. */
  inner(name: string): Scratch;
  /** Notes a folder elsewhere, named with the prefix: should this process be killed, the next one clears it. */
  noteOutside(folder: string): Promise<void>;
}

/**
 * Opens this process's scratch and clears what killed bridges left in theirs. Disposing removes it: dispose it last.
 * Clears once more then: a killed bridge's Blender may write on for a moment, until it hears that nobody is there.
 */
export async function openScratch(disk: Disk, home: Home): Promise<Scratch> {
  await clearDeadProcesses(disk, home);
  const own = scratchIn(disk, join(home.scratch, String(process.pid)), []);
  return {
    ...own,
    [Symbol.asyncDispose]: async () => {
      await own[Symbol.asyncDispose]();
      await clearDeadProcesses(disk, home);
    },
  };
}

async function clearDeadProcesses(disk: Disk, home: Home): Promise<void> {
  for (const name of await disk.readdir(home.scratch)) {
    if (!isRunning(Number(name))) await clear(disk, join(home.scratch, name));
  }
}

/** The part of a process's scratch with these names, each inside the one before. */
function scratchIn(disk: Disk, whole: string, names: readonly string[]): Scratch {
  const root = join(whole, ...names);
  const note = join(whole, `${OUTSIDE}${names.join("-")}`);
  return {
    folder: async (purpose) => {
      const folder = join(root, purpose);
      await disk.mkdir(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
    remove: async (folder) => await removeFolder(disk, folder),
    inner: (name) => scratchIn(disk, whole, [...names, name]),
    noteOutside: async (folder) => {
      await disk.mkdir(whole, { recursive: true, mode: 0o700 });
      await disk.writeFile(note, folder, { mode: 0o600 });
    },
    [Symbol.asyncDispose]: async () => {
      await disk.rm(root, { recursive: true, force: true });
      await disk.rm(note, { force: true });
    },
  };
}

/** Removes a dead process's scratch, after what it noted outside. */
async function clear(disk: Disk, root: string): Promise<void> {
  for (const name of await disk.readdir(root).catch(() => [])) {
    if (!name.startsWith(OUTSIDE)) continue;
    const note = join(root, name);
    const isFile = await disk.stat(note).then(
      (facts) => facts.isFile(),
      () => false,
    );
    if (!isFile) continue; // reading a pipe would never end
    const folder = await disk.readFile(note).then(String, () => "");
    if (isAbsolute(folder) && basename(folder).startsWith(STAGE_PREFIX))
      await disk.rm(folder, { recursive: true, force: true }).catch(() => {});
  }
  await removeFolder(disk, root).catch(() => {}); // the next one tries again
}
