import type { World } from "../kernel/world.ts";
import type { Terminal } from "./terminal.ts";

/** What a command may use of the outside. */
export interface Cli {
  readonly world: World;
  readonly terminal: Terminal;
  /** Aborts on the first Ctrl-C. */
  readonly signal: AbortSignal;
  exitWith(code: number): void;
}
