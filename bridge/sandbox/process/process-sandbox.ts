import { execa } from "execa";
import { FarmError } from "../../kernel/errors.ts";

/** What is needed to start a process; the same shape as the blender room's port. */
export interface ProcessRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts a plain process with only the given environment, in its own process group, so that `kill`
 * reaches its children. No isolation: for one's own scenes and swarm.
 */
export async function startPlainProcess(request: ProcessRequest) {
  const child = execa(request.command, [...request.args], {
    ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    env: { ...request.env },
    extendEnv: false,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    buffer: false,
    reject: false,
    detached: process.platform !== "win32",
    cleanup: true,
  });
  const exited = child.then((result) => ({ exitCode: result.exitCode, signal: result.signal }));
  await new Promise<void>((resolve, reject) => {
    child.nodeChildProcess.once("spawn", resolve);
    child.nodeChildProcess.once("error", (cause: NodeJS.ErrnoException) =>
      reject(new FarmError("BLENDER_NOT_FOUND", `${request.command} could not be started (${cause.code ?? cause.message})`, { cause })),
    );
  });
  const signal = (name: NodeJS.Signals) => () => signalGroup(child.pid, name);
  // Windows has no signal that stops a process.
  const still = process.platform === "win32" ? {} : { freeze: signal("SIGSTOP"), thaw: signal("SIGCONT") };
  return { pid: child.pid, stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exited, kill: signal("SIGKILL"), ...still };
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    // already gone
  }
}
