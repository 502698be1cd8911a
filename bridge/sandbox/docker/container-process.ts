import { constants } from "node:os";
import { PassThrough, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import { type LinkedAbort, childSignal } from "../../kernel/abort.ts";
import { FarmError, messageOf } from "../../kernel/errors.ts";
import {
  type ContainerSpec,
  cpuForEngine,
  createOptions,
  isolationViolations,
  memoryForEngine,
  type SandboxLimits,
} from "./container-config.ts";
import { FrameReader, type FrameFragment } from "./frame-reader.ts";
import { OutputQuota } from "./output-quota.ts";
import { limitReached } from "../sandbox-end.ts";
import { ENGINE_FRAMING, ENGINE_STREAM, FROM, encodeSupervisorFrame, SUPERVISOR_FRAMING, TO } from "./supervisor-wire.ts";
import { SandboxFileReceiver } from "./received-files.ts";

/** The supervisor ends a sandbox without input for `SILENT_SECONDS`: an engine that died leaves its input open. */
const HEARTBEAT_MS = 2_000;
/** How long to wait for the supervisor's last message after the end. */
const FINAL_MESSAGE_MS = 1_000;
/** The engine's answer to a create request. */
const NO_SUCH_IMAGE = 404;
/** The largest piece of input that is sent at once. */
const INPUT_PIECE_BYTES = 1024 * 1024;
/** How often a pause is asked for, and how long to wait in between. */
const FREEZE_TRIES = 5;
const FREEZE_RETRY_MS = 200;

/** One container with one program in it; implements the blender room's port of a process. */
export class ContainerProcess {
  /** Its pid on this machine is not meaningful here. */
  readonly pid = undefined;
  readonly stdin: Writable;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly exited: Promise<{ readonly exitCode: number | undefined; readonly signal: string | undefined; readonly reason?: FarmError }>;
  readonly id: string;
  readonly #container: Docker.Container;
  readonly #stream: NodeJS.ReadWriteStream;
  readonly #taken: SandboxFileReceiver;
  readonly #printed = new OutputQuota(() => performance.now());
  readonly #life: LinkedAbort = childSignal();
  #limits: SandboxLimits;
  #finalMessage: string | undefined;
  /** Our reason for ending it, if we did. */
  #reason: FarmError | undefined;

  private constructor(container: Docker.Container, stream: NodeJS.ReadWriteStream, limits: SandboxLimits, ended: Promise<number>) {
    this.id = container.id;
    this.#container = container;
    this.#stream = stream;
    this.#limits = limits;
    this.#taken = new SandboxFileReceiver((frame) => this.#send(frame));
    this.stdin = this.#input();
    stream.on("error", () => {}); // how it ended is read from the engine
    const listening = this.#listen();
    const beating = this.#beat();
    this.exited = this.#exit(ended, Promise.all([listening, beating]));
  }

  /** Makes a container and starts its program. Throws SANDBOX_UNAVAILABLE, SANDBOX_UNSAFE, ENVIRONMENT_MISSING. */
  static async start(engine: Docker, spec: ContainerSpec): Promise<ContainerProcess> {
    let container: Docker.Container | undefined;
    try {
      // dockerode would also put it all into the request's URL, which engines log.
      container = await engine.createContainer({ _query: {}, _body: createOptions(spec) } as never);
      const faults = isolationViolations(await container.inspect());
      if (faults.length > 0)
        throw new FarmError("SANDBOX_UNSAFE", `the container engine created another sandbox than requested: ${faults.join(", ")}`);
      const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
      const ended = exitCodeOf(container);
      await container.start();
      return new ContainerProcess(container, stream, spec.limits, ended);
    } catch (cause) {
      await container?.remove({ force: true, v: true }).catch(() => {});
      if (cause instanceof FarmError) throw cause;
      if (container === undefined && (cause as { readonly statusCode?: number }).statusCode === NO_SUCH_IMAGE)
        throw new FarmError("ENVIRONMENT_MISSING", "the environment was removed from this machine's container engine", { cause });
      throw new FarmError("SANDBOX_UNAVAILABLE", `the container engine did not start a sandbox: ${messageOf(cause)}`, { cause });
    }
  }

  kill(): void {
    this.#end(new FarmError("CANCELLED", "the sandbox was ended"));
  }

  async freeze(): Promise<void> {
    await this.#unlessGone(this.#pause(FREEZE_TRIES));
  }

  /** On a busy machine runc gives up on a cgroup whose processes are slow to stop ("unable to freeze"), and may succeed at once after. */
  async #pause(tries: number): Promise<void> {
    try {
      await this.#container.pause();
    } catch (cause) {
      if (tries <= 1 || this.#life.signal.aborted) throw cause;
      await delay(FREEZE_RETRY_MS);
      await this.#pause(tries - 1);
    }
  }

  async thaw(): Promise<void> {
    await this.#unlessGone(this.#container.unpause());
  }

  /** Moves files of its scratch folder to paths that do not exist yet. Throws BLENDER_SCRIPT_FAILED, or why the sandbox ended. */
  async take(files: readonly { readonly path: string; readonly toPath: string }[]): Promise<void> {
    await this.#taken.take(files, this.#limits.scratchBytes);
  }

  /** Changes its limits; memory that it already uses is kept. */
  async resize({ cpus, memoryBytes }: Pick<SandboxLimits, "cpus" | "memoryBytes">): Promise<void> {
    await this.#unlessGone(this.#container.update(cpuForEngine(cpus)));
    const isSo = await this.#container.update(memoryForEngine(memoryBytes)).then(
      () => true,
      () => false, // it uses more
    );
    if (isSo) this.#limits = { ...this.#limits, memoryBytes };
  }

  /** Our messages are framed; anything that the engine put before them ends with the first newline. */
  #input(): Writable {
    this.#stream.write("\n");
    return new Writable({
      write: (bytes: Buffer, _encoding, done) => {
        for (let at = 0; at < bytes.length; at += INPUT_PIECE_BYTES)
          this.#send(encodeSupervisorFrame(TO.input, bytes.subarray(at, at + INPUT_PIECE_BYTES)));
        done();
      },
      final: (done) => {
        this.#send(encodeSupervisorFrame(TO.inputEnds));
        done();
      },
    });
  }

  #send(frame: Buffer): void {
    if (this.#stream.writable) this.#stream.write(frame);
  }

  async #beat(): Promise<void> {
    while (!this.#life.signal.aborted) {
      await delay(HEARTBEAT_MS, undefined, { signal: this.#life.signal }).catch(() => {});
      this.#send(encodeSupervisorFrame(TO.beat));
    }
  }

  async #listen(): Promise<void> {
    const supervisor = new FrameReader(SUPERVISOR_FRAMING, (piece) => this.#hear(piece));
    const engine = new FrameReader(ENGINE_FRAMING, async ({ kind, bytes }) => {
      if (kind === ENGINE_STREAM.output) await supervisor.push(bytes);
      else if (kind === ENGINE_STREAM.errors) await this.#print(this.stderr, bytes);
    });
    try {
      for await (const bytes of this.#stream) await engine.push(bytes as Buffer);
    } catch (cause) {
      this.#end(new FarmError("BLENDER_SCRIPT_FAILED", `the sandbox broke the protocol: ${messageOf(cause)}`, { cause }));
    } finally {
      this.stdout.end();
      this.stderr.end();
    }
  }

  async #hear(piece: FrameFragment): Promise<void> {
    if (piece.kind === FROM.output) await this.#print(this.stdout, piece.bytes);
    else if (piece.kind === FROM.lastWord) this.#finalMessage = piece.bytes.toString("latin1");
    else await this.#taken.hear(piece);
  }

  async #print(stream: PassThrough, bytes: Buffer): Promise<void> {
    if (!this.#printed.spend(bytes.length)) return this.#end(new FarmError("OUTPUT_EXCEEDED", "the scene prints too much"));
    if (!stream.write(bytes)) await new Promise((resolve) => stream.once("drain", resolve));
  }

  #end(reason: FarmError): void {
    if (this.#life.signal.aborted) return;
    this.#reason ??= reason;
    // If the engine does not respond, the end of its input ends it.
    this.#container.kill().catch(() => this.#stream.end());
  }

  async #exit(ended: Promise<number>, talking: Promise<unknown>): ContainerProcess["exited"] {
    const exitCode = await ended.catch((cause: unknown) => this.#onEngineLost(cause));
    this.#life.abort();
    await Promise.race([talking, delay(FINAL_MESSAGE_MS)]);
    const reason = (await this.#limitReached(exitCode)) ?? this.#reason;
    this.#taken.end(reason ?? new FarmError("BLENDER_CRASHED", "its sandbox has ended"));
    (this.#stream as Partial<{ destroy(): void }>).destroy?.();
    await this.#container.remove({ force: true, v: true }).catch(() => {}); // removed at the donor's next start
    return { exitCode, signal: signalOf(exitCode), ...(reason ? { reason } : {}) };
  }

  #onEngineLost(cause: unknown): undefined {
    this.#reason ??= new FarmError("SANDBOX_UNAVAILABLE", `the container engine does not answer: ${messageOf(cause)}`, { cause });
  }

  async #limitReached(exitCode: number | undefined): Promise<FarmError | undefined> {
    const state = await this.#container.inspect().then(
      ({ State }) => State,
      () => undefined,
    );
    const { memoryBytes, pids } = this.#limits;
    return limitReached({ exitCode, outOfMemory: state?.OOMKilled === true, lastWord: this.#finalMessage, memoryBytes, pids });
  }

  /** Ignores writes to a sandbox that has ended. */
  async #unlessGone(asked: Promise<unknown>): Promise<void> {
    try {
      await asked;
    } catch (cause) {
      if (!this.#life.signal.aborted) throw new FarmError("SANDBOX_UNAVAILABLE", messageOf(cause), { cause });
    }
  }
}

/** Called before the start: a container that has not run yet counts as ended, too. */
function exitCodeOf(container: Docker.Container): Promise<number> {
  const ended = container.wait({ condition: "next-exit" }).then(({ StatusCode }: { readonly StatusCode: number }) => StatusCode);
  ended.catch(() => {}); // handled by the waiter
  return ended;
}

/** The shell's encoding of a signal in an exit code. */
function signalOf(exitCode: number | undefined): string | undefined {
  if (exitCode === undefined || exitCode <= 128) return undefined;
  return Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0];
}
