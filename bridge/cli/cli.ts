import type { World } from "../kernel/world.ts";
import type { Terminal } from "./terminal.ts";

/** The environment of a command. */
export interface Cli {
  readonly world: World;
  readonly terminal: Terminal;
  /** Aborts on the first Ctrl-C. */
  readonly signal: AbortSignal;
  exitWith(code: number): void;
  /** What the command throws was already told by a `job-ended` event of `--json`. */
  errorIsTold(): void;
}
