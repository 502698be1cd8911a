import { readdir, readFile } from "node:fs/promises";
import { execa } from "execa";

/** The system's information files; tests use their own folders. */
export interface SystemRoots {
  readonly proc: string;
  readonly sys: string;
  readonly dev: string;
}

export const SYSTEM_ROOTS: SystemRoots = { proc: "/proc", sys: "/sys", dev: "/dev" };

/** Limits on the time and output of an information command. */
const COMMAND = { timeoutMs: 5_000, maxChars: 4 * 1024 * 1024 } as const;

/** A small text file, trimmed; undefined when it is missing or unreadable. */
export async function readTextOrNothing(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
}

/** The names in a folder; undefined when it is missing or unreadable. */
export async function listNames(path: string): Promise<readonly string[] | undefined> {
  return await readdir(path).catch(() => undefined);
}

/** A command's output; undefined when it is missing, fails or takes too long. */
export async function outputOfCommand(command: string, args: readonly string[]): Promise<string | undefined> {
  const { failed, stdout } = await execa(command, [...args], {
    reject: false,
    stdin: "ignore",
    timeout: COMMAND.timeoutMs,
    maxBuffer: COMMAND.maxChars,
    env: { LC_ALL: "C" },
  });
  return failed ? undefined : stdout;
}

/** Parsed JSON; undefined when it is invalid. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
