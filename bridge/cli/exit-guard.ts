import { writeSync } from "node:fs";
import { EXIT } from "./exit-codes.ts";

/** Codes of a process that ends by itself; 13 is Node's own for one that waits for what nobody will bring. */
const AS_IF_WELL: ReadonlySet<unknown> = new Set([undefined, EXIT.ok, 13]);

/**
 * While it is held, a process that ends (because it ran out of work, for instance) has not said its last word: it says so,
 * by `lastWords` and without waiting for anything, and does not end as if all were well.
 */
export function exitGuard(lastWords: () => { readonly out?: string; readonly err?: string }): Disposable {
  const onExit = () => {
    // Somebody has said why already, or has asked to leave at once.
    if (!AS_IF_WELL.has(process.exitCode)) return;
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
    // nobody reads it
  }
}
