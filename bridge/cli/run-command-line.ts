import type { Cli } from "./cli.ts";
import { EXIT } from "./exit-codes.ts";
import { buildProgram } from "./program.ts";

/** How a command ended; `isTold`: a `job-ended` event has already carried the error. */
export type CommandEnd = { readonly code: number } | { readonly error: unknown; readonly isTold: boolean };

/** Runs one command line to its end. Does not throw. */
export async function runCommandLine(argv: readonly string[], place: Pick<Cli, "world" | "terminal" | "signal">): Promise<CommandEnd> {
  let code: number = EXIT.ok;
  let isTold = false;
  const cli: Cli = { ...place, exitWith: (value) => void (code = value), errorIsTold: () => void (isTold = true) };
  try {
    await buildProgram(cli).parseAsync([...argv], { from: "user" });
    return { code };
  } catch (error) {
    return { error, isTold };
  }
}
