import { FarmError } from "../kernel/errors.ts";

/** How a sandbox ended, as far as known. */
export interface SandboxEnd {
  readonly exitCode: number | undefined;
  /** The kernel killed a process in it because of its memory limit. */
  readonly outOfMemory: boolean;
  /** The supervisor's final message; undefined when it sent none. */
  readonly lastWord: string | undefined;
  readonly memoryBytes: number;
  readonly pids: number;
}

/**
 * The limit that ended a sandbox; undefined for a program that ended by itself. Exit codes are not reliable:
 * a program may exit with any of them.
 */
export function limitReached({ outOfMemory, lastWord, memoryBytes, pids }: SandboxEnd): FarmError | undefined {
  if (outOfMemory) {
    const mebibytes = Math.round(memoryBytes / 2 ** 20);
    return new FarmError("MEMORY_EXCEEDED", `the scene needs more than the ${mebibytes} MiB of memory that this donor allows`, {
      facts: { memoryBytes },
    });
  }
  switch (lastWord) {
    case "processes":
      return new FarmError("PROCESSES_EXCEEDED", `the scene started more than the ${pids} allowed processes and threads`);
    case "deadline":
      return new FarmError("BLENDER_HUNG", "the sandbox reached its maximum age");
    case "silence":
      return new FarmError("SANDBOX_UNAVAILABLE", "the container engine stopped forwarding the bridge's messages");
    default:
      return undefined;
  }
}
