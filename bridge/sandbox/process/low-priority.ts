import { writeFile } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { execa } from "execa";

/** The weakest claim on the processor. */
const NICEST = 19;

/** A command, as far as this module looks at it. */
interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

/** Tools of this system that weaken what they start. */
export interface NiceTools {
  readonly nice: string | undefined;
  readonly ionice: string | undefined;
}

/**
 * The same command, started by tools that give it way to everything else: they weaken themselves and then
 * become it, so that even its first thread is weak. Without tools it stays as it is.
 */
export function atLowPriority<C extends Command>(request: C, { nice, ionice }: NiceTools): C {
  const disk = ionice === undefined ? request : wrapped(request, ionice, ["-c", "3"]);
  return nice === undefined ? disk : wrapped(disk, nice, ["-n", String(NICEST)]);
}

function wrapped<C extends Command>(request: C, tool: string, flags: readonly string[]): C {
  return { ...request, command: tool, args: [...flags, request.command, ...request.args] };
}

/** Starts processes with the weakest claim on processor and disk that this system knows. */
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

/** What the tools do not do. All of it may fail, and then the process is only as weak as they made it. */
async function weaken(pid: number): Promise<void> {
  try {
    if (process.platform === "win32") setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // it may be gone already
  }
  // Linux desktops share the processor by session first: without this, a weak process in a session of its own is strong.
  if (process.platform === "linux") await writeFile(`/proc/${pid}/autogroup`, String(NICEST)).catch(() => {});
}

/** Those that are here and may do what is asked of them: in some containers they may not. */
async function findTools(): Promise<NiceTools> {
  const [nice, ionice] = await Promise.all([works("nice", ["-n", String(NICEST)]), works("ionice", ["-c", "3"])]);
  return { nice: nice ? "nice" : undefined, ionice: ionice ? "ionice" : undefined };
}

async function works(tool: string, flags: readonly string[]): Promise<boolean> {
  const { failed } = await execa(tool, [...flags, "true"], { reject: false, stdio: "ignore", timeout: 5_000 });
  return !failed;
}
