import type { RawData, WebSocket } from "ws";
import { childSignal, type LinkedAbort } from "../kernel/abort.ts";
import type { Disk } from "../kernel/disk.ts";
import { FarmError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import type { Time } from "../kernel/world.ts";
import { fullBucket, consume, type TokenBucket, waitMs } from "../kernel/time/token-bucket.ts";
import { decodeFileTransferFrame } from "./wire/binary-frame.ts";
import { ClientDownloads } from "./client-downloads.ts";
import { ClientUploads } from "./client-uploads.ts";
import { errorBodyOf } from "./wire/error-body.ts";
import type { AuthFailureLimiter } from "./connection-guard.ts";
import { GATEWAY_LIMITS, GATEWAY_PROTOCOL } from "./wire/limits.ts";
import { AnyHello, type BridgeFrame, ClientFrame, METHODS, type Method } from "./wire/messages.ts";
import type { RequestMethod, Params, Result, ServedBridge } from "./ports.ts";
import { tokenMatches } from "./token.ts";

export interface ConnectionDeps extends Time {
  readonly disk: Disk;
  readonly bridge: ServedBridge;
  readonly token: string;
  readonly authFailures: AuthFailureLimiter;
  readonly welcome: Omit<Extract<BridgeFrame, { type: "welcome" }>, "type" | "protocol">;
  readonly log: Log;
}

type Request = Extract<ClientFrame, { type: "request" }>;

/** Codes of RFC 6455 with which we close. */
const CLOSE = { broken: 1008, tooBig: 1009 } as const;

const limits = GATEWAY_LIMITS;

/** One client: a hello, then requests and subscriptions. Its end never ends a job. */
export class Connection {
  readonly #socket: WebSocket;
  readonly #deps: ConnectionDeps;
  readonly #life: LinkedAbort = childSignal();
  /** Stop functions of its subscriptions, by job; the swarm's is under "". */
  readonly #watches = new Map<string, () => void>();
  readonly #stopHelloTimer: () => void;
  #stopPingTimer: () => void;
  readonly #uploads: ClientUploads;
  readonly #downloads: ClientDownloads;
  #isKnown = false;
  #isAlive = true;
  #inFlight = 0;
  #bucket: TokenBucket;

  constructor(socket: WebSocket, deps: ConnectionDeps) {
    this.#socket = socket;
    this.#deps = deps;
    this.#bucket = fullBucket(limits.requestsPerSecond, deps.clock.monotonicMs());
    const noHello = () => void (!this.#isKnown && this.#refuse(new FarmError("WIRE_INVALID", "no hello was received")));
    this.#stopHelloTimer = deps.timers.after(limits.helloTimeoutMs, noHello);
    this.#stopPingTimer = this.#pingLater();
    const { receive, mayTake } = deps.bridge;
    this.#uploads = new ClientUploads({ receive, pause: () => socket.pause(), resume: () => socket.resume() });
    this.#downloads = new ClientDownloads({ disk: deps.disk, mayTake, send: (part) => this.#sendPart(part), signal: this.#life.signal });
    socket.on("message", (data, isBinary) => this.#hear(data, isBinary));
    socket.on("pong", () => (this.#isAlive = true));
    socket.on("error", (error) => deps.log.debug({ error }, "a client's connection broke"));
    socket.once("close", () => this.#end());
  }

  #end(): void {
    this.#stopHelloTimer();
    this.#stopPingTimer();
    for (const stop of this.#watches.values()) stop();
    this.#watches.clear();
    this.#life.abort(new FarmError("CANCELLED", "the client has disconnected"));
    this.#life.dispose();
    this.#uploads.end().catch((error: unknown) => this.#deps.log.warn({ error }, "a client's uploads could not be removed"));
  }

  #hear(data: RawData, isBinary: boolean): void {
    this.#isAlive = true; // its pong is queued behind the data it sends
    if (isBinary) return this.#hearPart(data as Buffer);
    if ((data as Buffer).length > limits.maxFrameBytes) return this.#socket.close(CLOSE.tooBig, "the message is too long");
    const said = jsonOf((data as Buffer).toString("utf8"));
    if (!this.#isKnown) return this.#greet(said);
    const frame = ClientFrame.safeParse(said).data;
    if (frame?.type !== "request") return this.#socket.close(CLOSE.broken, "not a request");
    void this.#answer(frame);
  }

  #hearPart(frame: Buffer): void {
    const part = this.#isKnown ? decodeFileTransferFrame(frame) : undefined;
    if (!part || !this.#uploads.take(part)) this.#socket.close(CLOSE.broken, "not a part of an upload");
  }

  #greet(said: unknown): void {
    const { token, authFailures, clock, welcome } = this.#deps;
    // A hello of another version may differ in everything but this.
    const speaks = AnyHello.safeParse(said).data?.protocol;
    if (speaks !== undefined && speaks !== GATEWAY_PROTOCOL) {
      const both = `this bridge speaks version ${GATEWAY_PROTOCOL} of the protocol, the client ${speaks}`;
      return this.#refuse(new FarmError("WIRE_VERSION", both));
    }
    const frame = ClientFrame.safeParse(said).data;
    if (frame?.type !== "hello") return this.#refuse(new FarmError("WIRE_INVALID", "the first frame must be a hello"));
    if (!tokenMatches(frame.token, token)) {
      authFailures.note(clock.monotonicMs());
      return this.#refuse(new FarmError("TOKEN_WRONG", "the token is wrong"));
    }
    this.#isKnown = true;
    this.#say({ type: "welcome", protocol: GATEWAY_PROTOCOL, ...welcome });
  }

  #refuse(error: FarmError): void {
    this.#say({ type: "refused", protocol: GATEWAY_PROTOCOL, error: errorBodyOf(error) });
    this.#socket.close(CLOSE.broken, error.code);
  }

  async #answer({ id, method, params }: Request): Promise<void> {
    this.#inFlight++;
    try {
      this.#takeToken();
      if (!Object.hasOwn(METHODS, method)) throw new FarmError("WIRE_INVALID", `this bridge does not know the method ${method}`);
      await this.#perform(method as Method, params, (result) => this.#say({ type: "reply", id, result }));
    } catch (error) {
      const body = errorBodyOf(error);
      if (body.code === "BUG") this.#deps.log.error({ method, error }, "a client's request failed");
      this.#say({ type: "failure", id, error: body });
    } finally {
      this.#inFlight--;
    }
  }

  /** Throws WIRE_BUSY. */
  #takeToken(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const isEarly = waitMs(this.#bucket, limits.requestsPerSecond, nowMs) > 0;
    if (isEarly || this.#inFlight > limits.maxRequestsInFlight) throw new FarmError("WIRE_BUSY", "too many requests of one client at once");
    this.#bucket = consume(this.#bucket, 1, limits.requestsPerSecond, nowMs);
  }

  /** Events follow the reply to their subscription, never before it. */
  async #perform(method: Method, raw: unknown, reply: (result: unknown) => void): Promise<void> {
    if (method === "jobs.watch") return await this.#watchJob(paramsOf(method, raw), reply);
    if (method === "files.put") return reply(await this.#uploads.put(paramsOf(method, raw)));
    if (method === "files.done") return reply(await this.#uploads.done(paramsOf(method, raw)));
    if (method === "files.get") return await this.#downloads.get(paramsOf(method, raw), reply);
    if (method === "jobs.unwatch") {
      this.#stopWatching(paramsOf(method, raw).job);
      return reply({} satisfies Result<"jobs.unwatch">);
    }
    reply(await this.#ask(method, raw));
    if (method === "swarm.status") this.#watchSwarm(paramsOf(method, raw).watch);
  }

  async #ask<M extends RequestMethod>(method: M, raw: unknown): Promise<Result<M>> {
    return await this.#deps.bridge.answers[method](paramsOf(method, raw), this.#life.signal);
  }

  async #watchJob({ job, from }: Params<"jobs.watch">, reply: (result: Result<"jobs.watch">) => void): Promise<void> {
    const { report, events } = await this.#deps.bridge.job(job);
    if (this.#life.signal.aborted) return;
    this.#stopWatching(job);
    const first = Math.max(Math.min(from, events.next), events.first);
    reply({ ...report, first, next: events.next });
    const stop = events.follow(first, ({ seq, at, event }) => this.#say({ type: "event", job, seq, at, event }));
    this.#watches.set(job, stop);
  }

  #watchSwarm(watch: boolean): void {
    this.#stopWatching("");
    if (watch)
      this.#watches.set(
        "",
        this.#deps.bridge.watchSwarm((status) => this.#say({ type: "swarm", status })),
      );
  }

  #stopWatching(what: string): void {
    this.#watches.get(what)?.();
    this.#watches.delete(what);
  }

  #say(frame: BridgeFrame): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(JSON.stringify(frame));
    if (this.#socket.bufferedAmount <= limits.maxBufferedBytes) return;
    this.#deps.log.warn({ bytes: this.#socket.bufferedAmount }, "a client that does not read was dropped");
    this.#socket.terminate();
  }

  /** Resolves when there is room for the next part; waits for a client that downloads slowly. */
  async #sendPart(part: Buffer): Promise<void> {
    const sent = new Promise<void>((resolve) => this.#socket.send(part, () => resolve()));
    void sent.then(() => (this.#isAlive = true)); // it sends its pong only after reading what is queued
    if (this.#socket.bufferedAmount > limits.maxUnsentBytes) await sent;
  }

  #pingLater(): () => void {
    return this.#deps.timers.after(limits.pingEveryMs, () => {
      this.#stopPingTimer = this.#pingLater();
      this.#ping();
    });
  }

  #ping(): void {
    if (!this.#isAlive) return this.#socket.terminate();
    this.#isAlive = false;
    this.#socket.ping();
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Throws WIRE_INVALID with the reason. */
function paramsOf<M extends Method>(method: M, raw: unknown): Params<M> {
  const params = METHODS[method].params.safeParse(raw);
  if (params.success) return params.data as Params<M>;
  const [issue] = params.error.issues;
  throw new FarmError("WIRE_INVALID", `${method}: ${issue?.path.join(".") || "parameters"}: ${issue?.message ?? "not understood"}`);
}
