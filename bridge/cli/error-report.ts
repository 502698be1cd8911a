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
  const isUsage = thrown instanceof CommanderError;
  const error = isUsage ? usageError(thrown) : thrown;
  if (isUsage && error === undefined) return EXIT.ok;
  if (!isFarmError(error) && options.isInterrupted && isAbort(error)) return EXIT.interrupted;
  const { code, message, advice, text, exitCode } = reportOf(error);
  if (options.json && !options.isTold) terminal.json({ event: "error", code, message, advice });
  terminal.error(text);
  if (code === "BUG") showOrigin(error, terminal);
  return exitCode;
}

function showOrigin(error: unknown, terminal: Terminal): void {
  if (process.env["BRIDGE_DEBUG"] && error instanceof Error) terminal.error(error.stack ?? "");
}

function reportOf(error: unknown) {
  const message = oneLine(messageOf(error));
  if (!isFarmError(error)) {
    const text = `${paint("red", "bug")} ${message}\n  ${BUG_ADVICE}`;
    return { code: "BUG", message, advice: BUG_ADVICE, text, exitCode: EXIT.bug };
  }
  const { code, advice, exitCode } = error;
  const kind = exitCode === EXIT.ok ? paint("yellow", "nothing to do") : paint("red", "error");
  return { code, message, advice, text: `${kind} ${message}\n  ${advice}\n  ${paint("gray", code)}`, exitCode };
}

/** What the option parser refuses; undefined after --help and --version. After the help of a command group, the missing command is named. */
function usageError({ code, message, exitCode }: CommanderError): FarmError | undefined {
  if (exitCode === EXIT.ok) return undefined;
  return new FarmError("USAGE", code === "commander.help" ? "no command is named" : message.replace(/^error: /, ""));
}

/** Removes control characters: text from peers and files must not control the terminal. */
function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/[\p{Cc}\s]+/gu, " ")
    .trim();
}
