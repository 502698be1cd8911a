import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { childSignal } from "../kernel/abort.ts";
import { FarmError } from "../kernel/errors.ts";
import { ERROR_CODES, type ErrorCode } from "../kernel/error-codes.ts";
import { systemWorld } from "../kernel/world.ts";
import { readLines } from "./bounded-lines.ts";
import type { RunningProcess, StartProcess } from "./types.ts";

/** Limits on the output of a Blender, which reads untrusted files. */
export const BLENDER_WIRE_LIMITS = {
  maxLineChars: 64 * 1024 * 1024,
  keptLogLines: 200,
  keptLogLineChars: 500,
  maxMessageChars: 2_000,
} as const;

export interface BlenderProcessOptions {
  /** Path of the Blender program. */
  readonly blender: string;
  /** Arguments before the script: the scene and Blender's own flags. */
  readonly args?: readonly string[];
  /** File in `scripts/` that is run, for instance "donor_main.py". */
  readonly script: string;
  /** Arguments for the script, after `--`. */
  readonly scriptArgs?: readonly string[];
  /** A folder of our own for Blender's temporary files and its (empty) user settings. */
  readonly scratch: string;
  /** Render threads; 0 or undefined: all. */
  readonly threads?: number;
  readonly cwd?: string;
  readonly startTimeoutMs?: number;
}

export interface RequestLimits {
  readonly timeoutMs: number;
  /** Told the share of the request that is done, as far as the script reports it. */
  readonly progress?: (share: number) => void;
}

type Answer = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly code: string; readonly message: string };

const Message = z.union([
  z.strictObject({ event: z.literal("ready") }),
  /** The share of a request that is done. */
  z.strictObject({ id: z.int(), progress: z.number().min(0).max(1) }),
  z.strictObject({ id: z.int(), ok: z.literal(true), result: z.unknown() }),
  z.strictObject({ id: z.int(), ok: z.literal(false), code: z.string().max(100), message: z.string().transform(shortened) }),
]);

/** A Blender that runs one of our scripts and answers JSON lines, one request at a time. */
export class BlenderProcess implements AsyncDisposable {
  readonly #process: RunningProcess;
  readonly #token: string;
  readonly #log: string[] = [];
  readonly #progress = new Map<number, (share: number) => void>();
  readonly #waiting = new Map<number | "ready", (answer: Answer) => void>();
  readonly exited: Promise<void>;
  #nextId = 1;
  #over: FarmError | undefined;

  private constructor(process: RunningProcess, token: string) {
    this.#process = process;
    this.#token = token;
    readLines(process.stdout, BLENDER_WIRE_LIMITS.maxLineChars, (line, whole) => this.#heard(line, whole));
    readLines(process.stderr, BLENDER_WIRE_LIMITS.keptLogLineChars, (line) => this.#keep(line));
    process.stdin.on("error", () => {}); // EPIPE after a crash: `exited` has the reason
    this.exited = process.exited.then(({ exitCode, signal, reason }) => {
      this.#over ??=
        reason ??
        new FarmError("BLENDER_CRASHED", `Blender ended unexpectedly (${signal ?? `exit code ${exitCode}`})`, {
          facts: { log: this.logTail(20) },
        });
      for (const answer of this.#waiting.values()) answer({ ok: false, code: this.#over.code, message: this.#over.message });
      this.#waiting.clear();
    });
  }

  /** Starts Blender and waits until the script listens. Throws BLENDER_NOT_FOUND, BLENDER_CRASHED, BLENDER_HUNG. */
  static async start(deps: { readonly start: StartProcess }, options: BlenderProcessOptions, signal: AbortSignal): Promise<BlenderProcess> {
    const token = `@bridge-${randomBytes(12).toString("hex")}`;
    const process = await deps.start({
      command: options.blender,
      args: [
        "-b",
        "--factory-startup",
        "--disable-autoexec",
        ...(options.threads ? ["-t", String(options.threads)] : []),
        ...(options.args ?? []),
        "--python-exit-code",
        "1",
        "-P",
        scriptPath(options.script),
        "--",
        token,
        ...(options.scriptArgs ?? []),
      ],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: blenderEnvironment(options.scratch),
    });
    const blender = new BlenderProcess(process, token);
    try {
      await blender.#ask("ready", signal, options.startTimeoutMs ?? 600_000);
      return blender;
    } catch (error) {
      blender.kill(); // also when the signal was aborted during the start: no one else would end it
      throw error;
    }
  }

  /**
   * Requests `op` from the script. `limits`: the time limit in milliseconds, or more.
   * @returns its result, unparsed: the caller holds the schema.
   */
  async request(op: string, parameters: object, signal: AbortSignal, limits: number | RequestLimits): Promise<unknown> {
    const { timeoutMs, progress } = typeof limits === "number" ? { timeoutMs: limits } : limits;
    const id = this.#nextId++;
    if (progress) this.#progress.set(id, progress);
    const answer = this.#ask(id, signal, timeoutMs);
    this.#process.stdin.write(`${JSON.stringify({ ...parameters, id, op })}\n`);
    try {
      return await answer;
    } finally {
      this.#progress.delete(id);
    }
  }

  /** The last lines that Blender printed, for finding the cause. */
  logTail(lines: number): string[] {
    return this.#log.slice(-lines);
  }

  kill(): void {
    this.#process.kill();
  }

  /** Copies files out of its sandbox; undefined when they are on this machine already. */
  get take(): RunningProcess["take"] {
    return this.#process.take?.bind(this.#process);
  }

  /** False once it has ended, or is about to. */
  get isAlive(): boolean {
    return this.#over === undefined;
  }

  /** Asks it to stop; ends it when it does not. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over ??= new FarmError("CANCELLED", "this Blender was stopped");
    this.#process.stdin.end();
    const timer = setTimeout(() => this.#process.kill(), 2_000);
    await this.exited;
    clearTimeout(timer);
  }

  async #ask(id: number | "ready", parent: AbortSignal, timeoutMs: number): Promise<unknown> {
    const over = this.#ended();
    if (over) throw over;
    parent.throwIfAborted();
    using child = childSignal(parent, { ms: timeoutMs, time: systemWorld });
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.#waiting.set(id, resolve);
      child.signal.addEventListener("abort", () => reject(this.#giveUp(parent, timeoutMs)), { once: true });
    });
    this.#waiting.delete(id);
    if (answer.ok) return answer.result;
    const ended = this.#ended();
    throw ended?.code === answer.code ? ended : new FarmError(knownCode(answer.code), answer.message, { facts: { log: this.logTail(20) } });
  }

  #ended(): FarmError | undefined {
    return this.#over;
  }

  /** A Blender cannot be interrupted during a render: it is ended. */
  #giveUp(parent: AbortSignal, timeoutMs: number): Error {
    this.#over ??= parent.aborted
      ? new FarmError("CANCELLED", "the work was cancelled", { cause: parent.reason })
      : new FarmError("BLENDER_HUNG", `Blender did not answer within ${Math.round(timeoutMs / 1000)} s`, {
          facts: { log: this.logTail(20) },
        });
    this.#process.kill();
    return this.#over;
  }

  #heard(line: string, whole: boolean): void {
    if (!line.startsWith(this.#token)) return this.#keep(line);
    const message = Message.safeParse(whole ? parsedJson(line.slice(this.#token.length)) : undefined);
    if (!message.success) return this.#breakOff(line);
    if ("event" in message.data) this.#waiting.get("ready")?.({ ok: true, result: undefined });
    else if ("progress" in message.data) this.#progress.get(message.data.id)?.(message.data.progress);
    else this.#waiting.get(message.data.id)?.(message.data);
  }

  /** A Blender that sends the token and then an invalid message is broken or compromised: it is ended. */
  #breakOff(line: string): void {
    this.#keep(line);
    this.#over ??= new FarmError("BLENDER_SCRIPT_FAILED", "Blender sent an invalid answer", { facts: { log: this.logTail(20) } });
    this.#process.kill();
  }

  #keep(line: string): void {
    this.#log.push(line.slice(0, BLENDER_WIRE_LIMITS.keptLogLineChars));
    if (this.#log.length > BLENDER_WIRE_LIMITS.keptLogLines) this.#log.shift();
  }
}

function shortened(message: string): string {
  return message.slice(0, BLENDER_WIRE_LIMITS.maxMessageChars);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function knownCode(code: string): ErrorCode {
  return Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : "BLENDER_SCRIPT_FAILED";
}

/** The folder of the Python that runs inside Blender. */
export const BLENDER_SCRIPTS = fileURLToPath(new URL("scripts/", import.meta.url)).replace(/[/\\]$/, "");

function scriptPath(name: string): string {
  return join(BLENDER_SCRIPTS, name);
}

/**
 * Blender sees no settings of the user: no add-ons, no start-up scripts, no other Python first on the
 * PATH (Debian's 3.4 would take its numpy from there). OCIO stays: it is part of the picture.
 */
function blenderEnvironment(scratch: string): Record<string, string> {
  const inherited = [
    "SYSTEMROOT",
    "WINDIR",
    "OCIO",
    "LD_LIBRARY_PATH",
    "DISPLAY",
    "XDG_RUNTIME_DIR",
    "LIBGL_ALWAYS_SOFTWARE",
    "CUDA_VISIBLE_DEVICES",
  ];
  const kept = Object.fromEntries(inherited.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
  return {
    ...kept,
    PATH: process.platform === "win32" ? (process.env["PATH"] ?? "") : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LANG: "C.UTF-8",
    HOME: scratch,
    TMPDIR: scratch,
    TEMP: scratch,
    TMP: scratch,
    BLENDER_USER_RESOURCES: scratch,
    BLENDER_USER_CONFIG: scratch,
    BLENDER_USER_SCRIPTS: scratch,
    PYTHONDONTWRITEBYTECODE: "1",
  };
}
