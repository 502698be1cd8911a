import { writeFile } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { execa } from "execa";

/** The lowest CPU priority. */
const NICEST = 19;

/** The part of a command that this module needs. */
interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

/** Tools of this system that lower the priority of a command. */
export interface NiceTools {
  readonly nice: string | undefined;
  readonly ionice: string | undefined;
}

/**
 * The same command, started by tools that lower its priority: they lower their own and then
 * exec it, so that even its first thread has it. Without tools it is unchanged.
 */
export function atLowPriority<C extends Command>(request: C, { nice, ionice }: NiceTools): C {
  const disk = ionice === undefined ? request : commandWithTools(request, ionice, ["-c", "3"]);
  return nice === undefined ? disk : commandWithTools(disk, nice, ["-n", String(NICEST)]);
}

function commandWithTools<C extends Command>(request: C, tool: string, flags: readonly string[]): C {
  return { ...request, command: tool, args: [...flags, request.command, ...request.args] };
}

/** Starts processes with this system's lowest CPU and disk priority. */
export function startLowPriority<Request extends Command, Process extends { readonly pid: number | undefined }>(
  start: (request: Request) => Promise<Process>,
): (request: Request) => Promise<Process> {
  const tools = findTools();
  return async (request) => {
    const process = await start(atLowPriority(request, await tools));
    if (process.pid !== undefined) await weaken(process.pid);
    return process;
  };
}

/** Settings that the tools do not make. All of them may fail; then the process has only the tools' priority. */
async function weaken(pid: number): Promise<void> {
  try {
    if (process.platform === "win32") setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // it may have ended already
  }
  // Linux desktops share the CPU by session first: without this, a low-priority process in its own session gets a full share.
  if (process.platform === "linux") await writeFile(`/proc/${pid}/autogroup`, String(NICEST)).catch(() => {});
}

/** The installed tools that work here: in some containers they may not. */
async function findTools(): Promise<NiceTools> {
  const [nice, ionice] = await Promise.all([works("nice", ["-n", String(NICEST)]), works("ionice", ["-c", "3"])]);
  return { nice: nice ? "nice" : undefined, ionice: ionice ? "ionice" : undefined };
}

async function works(tool: string, flags: readonly string[]): Promise<boolean> {
  const { failed } = await execa(tool, [...flags, "true"], { reject: false, stdio: "ignore", timeout: 5_000 });
  return !failed;
}
