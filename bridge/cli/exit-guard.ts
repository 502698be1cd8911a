import { writeSync } from "node:fs";
import { EXIT } from "./exit-codes.ts";

/** Exit codes of a process that ends by itself; 13 is Node's own for an unsettled top-level await. */
const SUCCESS_CODES: ReadonlySet<unknown> = new Set([undefined, EXIT.ok, 13]);

/**
 * While the guard is held, a process that exits (because its event loop is empty, for instance) calls `lastWords`
 * synchronously, and does not exit with 0.
 */
export function exitGuard(lastWords: () => { readonly out?: string; readonly err?: string }): Disposable {
  const onExit = () => {
    // The reason was already reported, or an immediate exit was requested.
    if (!SUCCESS_CODES.has(process.exitCode)) return;
    const { out, err } = lastWords();
    if (out !== undefined) write(1, out);
    if (err !== undefined) write(2, err);
    process.exitCode = EXIT.bug;
  };
  process.once("exit", onExit);
  return { [Symbol.dispose]: () => void process.off("exit", onExit) };
}

function write(descriptor: number, line: string): void {
  try {
    writeSync(descriptor, `${line}\n`);
  } catch {
    // no reader
  }
}
