import { FarmError } from "../kernel/errors.ts";

/** How a sandbox ended, as far as it can be known. */
export interface SandboxEnd {
  readonly exitCode: number | undefined;
  /** The kernel ended something in it for want of memory. */
  readonly outOfMemory: boolean;
  /** What its supervisor said last; undefined when it had no time to. */
  readonly lastWord: string | undefined;
  readonly memoryBytes: number;
  readonly pids: number;
}

/**
 * Why a sandbox ended, where a limit of it was the reason; undefined for a program that ended by itself. Exit codes say nothing:
 * a program may leave with any of them.
 */
export function limitReached({ outOfMemory, lastWord, memoryBytes, pids }: SandboxEnd): FarmError | undefined {
  if (outOfMemory) {
    const mebibytes = Math.round(memoryBytes / 2 ** 20);
    return new FarmError("MEMORY_EXCEEDED", `the scene needs more than the ${mebibytes} MiB that this donor gives`, {
      facts: { memoryBytes },
    });
  }
  switch (lastWord) {
    case "processes":
      return new FarmError("PROCESSES_EXCEEDED", `the scene started more than the ${pids} processes and threads that it may`);
    case "deadline":
      return new FarmError("BLENDER_HUNG", "the sandbox was older than one may become");
    case "silence":
      return new FarmError("SANDBOX_UNAVAILABLE", "the container engine stopped passing on what the bridge says");
    default:
      return undefined;
  }
}
