import { FarmError } from "../kernel/errors.ts";
import { systemWorld } from "../kernel/world.ts";
import { reportError } from "./error-report.ts";
import { EXIT } from "./exit-codes.ts";
import { forceExit } from "./force-exit.ts";
import { runCommandLine } from "./run-command-line.ts";
import { processTerminal, type Terminal } from "./terminal.ts";

/** Runs one command line to its end and returns its exit code. The only place where an error is printed. */
export async function main(argv: readonly string[]): Promise<number> {
  const json = argv.includes("--json");
  const terminal = processTerminal(systemWorld.clock, { json });
  const stop = new AbortController();
  const interrupted = interruptions(stop, terminal);
  const stray = strayErrors(stop);
  try {
    const ended = await runCommandLine(argv, { world: systemWorld, terminal, signal: stop.signal });
    if (stray.first !== undefined)
      return forceExit(reportError(stray.first.error, terminal, { json, isInterrupted: false, isTold: false }));
    if ("code" in ended) return forceExit(ended.code);
    return forceExit(reportError(ended.error, terminal, { json, isInterrupted: stop.signal.aborted, isTold: ended.isTold }));
  } finally {
    interrupted();
    stray.stop();
  }
}

/** How long a clean shutdown may take after an unhandled error. */
const ENDING_MS = 15_000;

/**
 * An unhandled error is a bug. It ends the program, but cleanly: jobs are stopped and record
 * their progress.
 */
function strayErrors(stop: AbortController): { readonly first: { readonly error: unknown } | undefined; stop(): void } {
  const found: { first: { readonly error: unknown } | undefined; stop(): void } = { first: undefined, stop: () => {} };
  const onStray = (error: unknown) => {
    found.first ??= { error };
    if (stop.signal.aborted) return;
    stop.abort(new FarmError("CANCELLED", "a bug ended the program"));
    setTimeout(() => process.exit(EXIT.bug), ENDING_MS).unref();
  };
  process.on("unhandledRejection", onStray);
  process.on("uncaughtException", onStray);
  found.stop = () => {
    process.off("unhandledRejection", onStray);
    process.off("uncaughtException", onStray);
  };
  return found;
}

/** First Ctrl-C: stop cleanly. Second: exit at once. A closed standard output (`| head`) stops us, too. */
function interruptions(stop: AbortController, terminal: Terminal): () => void {
  const onUnread = () => stop.abort(new FarmError("CANCELLED", "the reader of the output has closed it"));
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(forceExit(EXIT.interrupted));
    if (terminal.isLive) terminal.error("Stopping… (press Ctrl-C again to exit at once)");
    stop.abort(new FarmError("CANCELLED", "interrupted"));
  };
  process.stdout.on("error", onUnread);
  process.stderr.on("error", onUnread);
  // The terminal was closed, or the launcher was killed (bin/node-runtime.mjs): may come twice, and does not request an immediate exit.
  const onHangUp = () => stop.abort(new FarmError("CANCELLED", "the terminal was closed, or the process that started this one was killed"));
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.on("SIGHUP", onHangUp);
  return () => {
    process.off("SIGHUP", onHangUp);
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  };
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2));
}
