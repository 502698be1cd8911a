import { stripVTControlCharacters } from "node:util";
import { CommanderError } from "commander";
import { isAbort } from "../kernel/abort.ts";
import { FarmError, isFarmError, messageOf } from "../kernel/errors.ts";
import { EXIT } from "./exit-codes.ts";
import { paint, type Terminal } from "./terminal.ts";

export interface ReportOptions {
  /** Also as a line of JSON on the standard output. */
  readonly json: boolean;
  /** Ctrl-C or a closed output: what the command throws then is no error. */
  readonly isInterrupted: boolean;
  /** A `job-ended` event has already carried the error. */
  readonly isTold: boolean;
}

const BUG_ADVICE = "This is a bug of the bridge: please report it (set BRIDGE_DEBUG=1 to see where it happened).";

/** Prints what ended a command: text on the error output and, with `json`, one `error` event. Returns the exit code. */
export function reportError(thrown: unknown, terminal: Terminal, options: ReportOptions): number {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok; // --help, --version
  const error = thrown instanceof CommanderError ? usageError(thrown) : thrown;
  const tellJson = (code: string, message: string, advice: string) => {
    if (options.json && !options.isTold) terminal.json({ event: "error", code, message, advice });
  };
  if (isFarmError(error)) {
    const message = oneLine(error.message);
    const kind = error.exitCode === EXIT.ok ? paint("yellow", "nothing to do") : paint("red", "error");
    tellJson(error.code, message, error.advice);
    terminal.error(`${kind} ${message}\n  ${error.advice}\n  ${paint("gray", error.code)}`);
    return error.exitCode;
  }
  if (options.isInterrupted && isAbort(error)) return EXIT.interrupted;
  const message = oneLine(messageOf(error));
  tellJson("BUG", message, BUG_ADVICE);
  terminal.error(`${paint("red", "bug")} ${message}\n  ${BUG_ADVICE}`);
  if (process.env["BRIDGE_DEBUG"] && error instanceof Error) terminal.error(error.stack ?? "");
  return EXIT.bug;
}

/** What the option parser refuses. After the help of a command group, the missing command is named. */
function usageError({ code, message }: CommanderError): FarmError {
  return new FarmError("USAGE", code === "commander.help" ? "no command is named" : message.replace(/^error: /, ""));
}

/** Removes control characters: text from peers and files must not control the terminal. */
function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/[\p{Cc}\s]+/gu, " ")
    .trim();
}
