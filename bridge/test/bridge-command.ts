import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { timeLimit } from "./time/time-limit.ts";

const LAUNCHER = fileURLToPath(new URL("../bin/bridge.mjs", import.meta.url));
export const SAMPLES = fileURLToPath(new URL("../../sample-scenes", import.meta.url));

/** A swarm of this test process alone, separate from other nodes on the machine. */
export const TEST_SWARM = `test-${process.pid}`;

/** A line of `--json`. */
export interface JsonLine {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Starts the command line as a user would, and reads its JSON lines. */
export function bridge(args: readonly string[], options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {}) {
  const child = execa(process.execPath, [LAUNCHER, ...args], {
    reject: false,
    ...(options.cwd ? { cwd: options.cwd } : {}),
    env: { ...options.env },
    forceKillAfterDelay: 5_000,
  });
  const lines: JsonLine[] = [];
  const waiting: { readonly fits: (line: JsonLine) => boolean; readonly found: (line: JsonLine) => void }[] = [];
  void (async () => {
    for await (const text of child.iterable()) {
      if (!text.startsWith("{")) continue;
      const line = JSON.parse(text) as JsonLine;
      lines.push(line);
      for (const wait of waiting) if (wait.fits(line)) wait.found(line);
    }
  })().catch(() => {});
  /** The first past or future line that matches. */
  const line = (fits: (line: JsonLine) => boolean, limitMs = timeLimit(240_000)) =>
    new Promise<JsonLine>((found, reject) => {
      const before = lines.find(fits);
      if (before) return found(before);
      waiting.push({ fits, found });
      setTimeout(() => reject(new Error(`no such line within ${limitMs} ms; last: ${JSON.stringify(lines.at(-1))}`)), limitMs).unref();
      void child.then((result) => reject(new Error(`the command ended (${result.exitCode}) before: ${result.stderr}`)));
    });
  return { child, lines, line, last: () => lines.at(-1) };
}

/** The output of a failed run, for the test's report. */
export function story(run: { readonly stderr: string; readonly lines: readonly JsonLine[] }): string {
  const told = run.lines.filter(
    ({ event }) => !["chunk-leased", "chunk-started", "chunk-accepted", "scene-progress", "preview"].includes(event),
  );
  return `${run.stderr}\n${told.map((line) => JSON.stringify(line)).join("\n")}`.slice(-4_000);
}

/** Runs the command line to its end. */
export async function runBridge(args: readonly string[], options: Parameters<typeof bridge>[1] = {}) {
  const { child, lines } = bridge(args, options);
  const { exitCode, stdout, stderr } = await child;
  return { exitCode, stdout, stderr, lines };
}

export interface RunningDonor extends AsyncDisposable {
  readonly peerId: string;
  readonly address: string;
  readonly lines: readonly JsonLine[];
  readonly pid: number;
  kill(): void;
}

export interface DonorOptions {
  /** Its container options; default: plain processes. */
  readonly environment?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A donor process on this machine, reachable only by its address. */
export async function startDonor(home: string, args: readonly string[] = [], options: DonorOptions = {}): Promise<RunningDonor> {
  const { environment, env = {} } = options;
  const sandbox = environment === undefined ? ["--sandbox", "process"] : ["--sandbox", "docker", "--environment", environment];
  const where = ["--home", home, "--swarm", TEST_SWARM, "--no-lan", "--listen", "/ip4/127.0.0.1/tcp/0"];
  const running = bridge(["donate", ...where, ...sandbox, "--json", ...args], { env });
  const listening = await running.line(({ event }) => event === "listening");
  const address = (listening["multiaddrs"] as string[])[0] ?? "";
  return {
    peerId: String(listening["peerId"]),
    address,
    lines: running.lines,
    pid: running.child.pid ?? 0,
    kill: () => running.child.kill("SIGKILL"),
    [Symbol.asyncDispose]: async () => {
      running.child.kill("SIGTERM");
      await running.child;
    },
  };
}
