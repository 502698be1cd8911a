import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { JsonLine } from "../../bridge-command.ts";
import { describeProcesses, familyOf } from "./our-processes.ts";

const LAUNCHER = fileURLToPath(new URL("../../../bin/bridge.mjs", import.meta.url));

/** All start with the same code: a shared compile cache, which is no leftover of a story. */
const COMPILE_CACHE = join(tmpdir(), "node-compile-cache");
/** SIGUSR2: writes a report of what a hanging process waits for. */
const NODE_FLAGS = ["--disable-warning=ExperimentalWarning", "--report-on-signal", "--report-exclude-network"];
const REPORT_MS = 3_000;
const LAST_WORDS_MS = 3_000;

export interface BridgeProcess {
  readonly name: string;
  readonly folder: string;
  readonly pid: number;
  readonly lines: readonly JsonLine[];
  /** How it ended: its exit code, or the signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  hasEnded(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Signals its whole process group, as a terminal does with Ctrl-C. */
  signalGroup(signal: NodeJS.Signals): void;
}

export interface ProcessPlace {
  /** The folder of its logs, by name. */
  readonly folder: string;
  readonly name: string;
  /** TMPDIR: files that stay there are leftovers. */
  readonly temporary: string;
}

/** Starts the command line as a shell would, in its own process group, and logs its output. */
export function startBridge(
  args: readonly string[],
  { folder, name, temporary }: ProcessPlace,
  heard: (line: JsonLine) => void = () => {},
): BridgeProcess {
  const child = spawn(process.execPath, [...NODE_FLAGS, `--report-directory=${folder}`, LAUNCHER, ...args], {
    detached: true,
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, BRIDGE_DEBUG: "1", BRIDGE_DONOR_PRIORITY: "normal", TMPDIR: temporary, NODE_COMPILE_CACHE: COMPILE_CACHE },
  });
  const lines: JsonLine[] = [];
  child.stdout.pipe(createWriteStream(join(folder, `${name}.jsonl`)));
  child.stderr.pipe(createWriteStream(join(folder, `${name}.stderr`)));
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = parseLine(text);
    if (line === undefined) return;
    lines.push(line);
    heard(line);
  });
  let hasEnded = false;
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      hasEnded = true;
      // Reads its output to the end, unless a leftover child holds the pipe.
      const end = () => resolve(signal ?? code ?? -1);
      child.once("close", end);
      setTimeout(end, LAST_WORDS_MS).unref();
    });
  });
  const pid = child.pid ?? 0;
  return {
    name,
    folder,
    pid,
    lines,
    ended,
    hasEnded: () => hasEnded,
    signal: (signal) => void child.kill(signal),
    signalGroup: (signal) => {
      if (!hasEnded) process.kill(-pid, signal);
    },
  };
}

/** Its exit; undefined when it had to be killed: then reports of the system and Node are in its folder. */
export async function endWithin(running: BridgeProcess, ms: number): Promise<number | NodeJS.Signals | undefined> {
  const code = await Promise.race([running.ended, wait(ms, undefined, { ref: false })]);
  if (code !== undefined) return code;
  const family = await familyOf(running.pid);
  await writeFile(join(running.folder, `${running.name}.hang.txt`), `${await describeProcesses(family)}\n`);
  running.signal("SIGUSR2");
  await Promise.race([running.ended, wait(REPORT_MS, undefined, { ref: false })]);
  running.signal("SIGKILL");
  await running.ended;
  return undefined;
}

/** A killed process may leave a partial line. */
function parseLine(text: string): JsonLine | undefined {
  try {
    return text.startsWith("{") ? (JSON.parse(text) as JsonLine) : undefined;
  } catch {
    return undefined;
  }
}

/** Runs a command to its end; JSON lines only. */
export async function askBridge(args: readonly string[], place: ProcessPlace): Promise<readonly JsonLine[]> {
  const asked = startBridge(args, place);
  await asked.ended;
  return asked.lines;
}
