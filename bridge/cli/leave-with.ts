import { unansweredCalls } from "../kernel/with-deadline.ts";

/**
 * The exit code to end with. Does not return where a call to a mount that has gone has not come back: Node waits for its
 * threads even in `process.exit`, and would for ever, so this process becomes one that only ends with the code.
 */
export function leaveWith(code: number): number {
  if (unansweredCalls() === 0) return code;
  if (process.platform !== "win32") process.execve?.("/bin/sh", ["sh", "-c", `exit ${code}`], {});
  process.kill(process.pid, "SIGKILL"); // Windows has no such change; its exit code is then 1
  return code;
}
