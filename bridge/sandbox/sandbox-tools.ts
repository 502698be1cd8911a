import { chmod, copyFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemDisk } from "../kernel/disk.ts";
import { FarmError } from "../kernel/errors.ts";
import { type FilterArch, seccompProgram } from "./docker/seccomp-program.ts";

const SUPERVISOR = fileURLToPath(new URL("inside/supervisor.py", import.meta.url));
/** Architecture names of engines. */
const ARCHES: Readonly<Record<string, FilterArch>> = { x86_64: "x86_64", amd64: "x86_64", aarch64: "aarch64", arm64: "aarch64" };

/** Names of files in the tools folder. */
export const TOOLS = { supervisor: "supervisor.py", filter: "filter.bpf", scripts: "scripts" } as const;

/**
 * Copies our files for sandboxes to a folder that is readable by everybody: the user in a container is unknown
 * here, and may not be able to read the checkout. Throws SANDBOX_UNAVAILABLE for architectures without a filter.
 */
export async function installTools(folder: string, scripts: string, architecture: string): Promise<void> {
  const arch = ARCHES[architecture];
  if (arch === undefined) throw new FarmError("SANDBOX_UNAVAILABLE", `there is no sandbox for ${architecture} machines`);
  await systemDisk.mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  await copyReadable(SUPERVISOR, join(folder, TOOLS.supervisor));
  await copyPython(scripts, join(folder, TOOLS.scripts));
  await writeFile(join(folder, TOOLS.filter), seccompProgram(arch));
  await chmod(join(folder, TOOLS.filter), 0o444);
}

/** The Python below a folder: its files, and those of its packages. */
async function copyPython(from: string, to: string): Promise<void> {
  await systemDisk.mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (entry.isDirectory() && entry.name !== "__pycache__") await copyPython(join(from, entry.name), join(to, entry.name));
    else if (entry.name.endsWith(".py")) await copyReadable(join(from, entry.name), join(to, entry.name));
  }
}

async function copyReadable(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  await chmod(to, 0o444);
}
