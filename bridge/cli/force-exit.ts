import { unansweredCalls } from "../kernel/time/with-deadline.ts";

/**
 * Returns the exit code. Does not return while a call to a mount that is gone is blocked: Node waits for its
 * threads even in `process.exit`, so this process is replaced by one that only exits with the code.
 */
export function forceExit(code: number): number {
  if (unansweredCalls() === 0) return code;
  if (process.platform !== "win32") process.execve?.("/bin/sh", ["sh", "-c", `exit ${code}`], {});
  process.kill(process.pid, "SIGKILL"); // not possible on Windows; the exit code is then 1
  return code;
}
