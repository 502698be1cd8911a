import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Disk } from "../kernel/disk.ts";
import { FarmError, messageOf } from "../kernel/errors.ts";

/** The folders of one node; two homes are two independent nodes. */
export interface Home {
  readonly root: string;
  readonly database: string;
  readonly blocks: string;
  readonly scenes: string;
  readonly scratch: string;
  readonly jobs: string;
  readonly cache: string;
  /** Scenes uploaded by clients on other disks. */
  readonly uploads: string;
  /** Container images as blocks, for seeding to peers. */
  readonly environments: string;
}

/** The home folder of this node: `--home`, BRIDGE_HOME (an empty one counts as not set), else the platform's data folder. Creates the folders. Throws HOME_NOT_WRITABLE. */
export async function openHome(disk: Pick<Disk, "mkdir">, wanted: string | undefined): Promise<Home> {
  const root = resolve(wanted ?? (process.env["BRIDGE_HOME"] || join(dataFolder(), "p2p-render")));
  const home: Home = {
    root,
    database: join(root, "bridge.sqlite"),
    blocks: join(root, "blocks"),
    scenes: join(root, "scenes"),
    scratch: join(root, "scratch"),
    jobs: join(root, "jobs"),
    cache: join(root, "cache"),
    uploads: join(root, "uploads"),
    environments: join(root, "environments"),
  };
  try {
    for (const folder of [home.scenes, home.scratch, home.jobs, home.cache, home.uploads])
      await disk.mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new FarmError(
      "HOME_NOT_WRITABLE",
      `${root} cannot be used as home (${(cause as NodeJS.ErrnoException).code ?? messageOf(cause)})`,
      { cause },
    );
  }
  return home;
}

function dataFolder(): string {
  if (process.platform === "win32") return process.env["LOCALAPPDATA"] ?? join(homedir(), "AppData", "Local");
  if (process.platform === "darwin") return join(homedir(), "Library", "Application Support");
  return process.env["XDG_DATA_HOME"] || join(homedir(), ".local", "share");
}
