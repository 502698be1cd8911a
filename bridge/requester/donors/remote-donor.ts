import type { RefusalReply } from "../../core/admission.ts";
import type { Chunk, ChunkId, DeviceClass, DonorId, ResultFile } from "../../core/plan/chunk.ts";
import { abortable, childSignal } from "../../kernel/abort.ts";
import { AsyncQueue } from "../../kernel/channel.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import { FarmError, messageOf } from "../../kernel/errors.ts";
import type { Time } from "../../kernel/world.ts";
import { readMessage, writeMessage } from "../../protocols/codec.ts";
import type { FrameStream, SwarmNetwork } from "../../protocols/frame-stream.ts";
import { DonorMessage, LEASE_LIMITS, LEASE_PROTOCOL, type OpenMessage, type RequesterMessage } from "../../protocols/lease/messages.ts";
import type { WireAvailability } from "../../protocols/offer/messages.ts";
import type { DonorLink, DonorUpdate } from "./donor-link.ts";
import type { FetchResult } from "../ports.ts";

export interface RemoteDonorDeps extends Time {
  readonly network: Pick<SwarmNetwork, "open">;
  readonly fetchResult: FetchResult;
}

/** What a donor hears of a job before it decides. */
export type JobOpening = Omit<OpenMessage, "type">;

/** How long a leaving requester waits until its last words are out, and until a donor says that what it worked on has stopped. */
const PARTING_MS = 1_000;
const STOPPING_MS = 10_000;
const READ = { maxBytes: LEASE_LIMITS.maxMessageBytes, timeoutMs: LEASE_LIMITS.silentMs };

/** Opens a job with a donor: a link, or the donor's refusal. Throws PEER_UNREACHABLE, PEER_BROKE_PROTOCOL. */
export async function openRemoteDonor(
  deps: RemoteDonorDeps,
  peer: { readonly id: DonorId; readonly name: string; readonly benchmarkSpeed: number | undefined },
  opening: JobOpening,
  parent: AbortSignal,
): Promise<RemoteDonor | RefusalReply> {
  const stream = await deps.network.open(peer.id, LEASE_PROTOCOL, "control", parent);
  try {
    await writeMessage(stream, { type: "open", ...opening } satisfies RequesterMessage, LEASE_LIMITS.openTimeoutMs, parent);
    const reply = await readMessage(stream, DonorMessage, { ...READ, timeoutMs: LEASE_LIMITS.openTimeoutMs }, parent);
    if (reply?.type === "refused") {
      await stream.close();
      return { refused: reply.reason, message: reply.message };
    }
    if (reply?.type !== "opened") throw new FarmError("PEER_BROKE_PROTOCOL", "the donor's first answer must open or refuse the job");
    return new RemoteDonor(deps, stream, { ...peer, slots: reply.slots, deviceClass: reply.deviceClass }, parent);
  } catch (error) {
    stream.abort(error as Error);
    throw error;
  }
}

/** A peer behind a lease stream. */
export class RemoteDonor implements DonorLink {
  readonly id: DonorId;
  readonly name: string;
  readonly trusted = false;
  readonly slots: number;
  readonly deviceClass: DeviceClass;
  readonly benchmarkSpeed: number | undefined;
  readonly updates = new AsyncQueue<DonorUpdate>();
  readonly #deps: RemoteDonorDeps;
  readonly #stream: FrameStream;
  readonly #life: ReturnType<typeof childSignal>;
  readonly #leases = new Map<string, ChunkId>();
  readonly #leaseOf = new Map<ChunkId, string>();
  /** Leases that were taken back, and that the donor may be at still. */
  readonly #stopping = new Set<string>();
  readonly #listening: Promise<void>;
  readonly #beating: Promise<void>;
  readonly #unlink: () => void;
  #closing: Promise<void> | undefined;
  #count = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(
    deps: RemoteDonorDeps,
    stream: FrameStream,
    facts: Pick<DonorLink, "id" | "name" | "slots" | "deviceClass" | "benchmarkSpeed">,
    parent: AbortSignal,
  ) {
    this.#deps = deps;
    this.#stream = stream;
    this.id = facts.id;
    this.name = facts.name;
    this.slots = facts.slots;
    this.deviceClass = facts.deviceClass;
    this.benchmarkSpeed = facts.benchmarkSpeed;
    // Not below `parent`: what ends the job must leave time for a goodbye. A donor that hears none finishes what it has begun.
    this.#life = childSignal();
    const onAbort = () => void this.close();
    parent.addEventListener("abort", onAbort, { once: true });
    this.#unlink = () => parent.removeEventListener("abort", onAbort);
    this.#listening = this.#listen();
    this.#beating = this.#beat();
    if (parent.aborted) onAbort();
  }

  /** Settles when the link is gone. */
  get ended(): Promise<void> {
    return this.#listening;
  }

  lease(chunk: Chunk): void {
    const lease = `${++this.#count}`;
    this.#leases.set(lease, chunk.id);
    this.#leaseOf.set(chunk.id, lease);
    this.#say({ type: "lease", lease, spec: chunk.spec });
  }

  withdraw(chunk: ChunkId): void {
    this.#giveUp(chunk, "withdraw");
  }

  release(chunk: ChunkId): void {
    this.#giveUp(chunk, "release");
  }

  /** From here on the chunk may be leased anew, and nothing that the donor says of the old lease counts. */
  #giveUp(chunk: ChunkId, type: "withdraw" | "release"): void {
    const lease = this.#leaseOf.get(chunk);
    if (lease === undefined) return;
    this.#leaseOf.delete(chunk);
    this.#leases.delete(lease);
    if (type === "withdraw") this.#stopping.add(lease);
    this.#say({ type, lease });
  }

  /** Tells the donor who else may have blocks of the scene. */
  tellSources(peers: readonly { readonly id: string; readonly addrs: readonly string[] }[]): void {
    this.#say({
      type: "sources",
      peers: peers.slice(0, LEASE_LIMITS.maxSources).map(({ id, addrs }) => ({ id, addrs: addrs.slice(0, 16) })),
    });
  }

  async fetch(_chunk: ChunkId, file: ResultFile, toPath: string, signal: AbortSignal): Promise<void> {
    await this.#deps.fetchResult(this.id, file, toPath, signal);
  }

  close(): Promise<void> {
    this.#closing ??= this.#sayGoodbye();
    return this.#closing;
  }

  /** Ends our writing, and waits for the donor to end its own: it does so when nothing of the job runs there any more. */
  async #sayGoodbye(): Promise<void> {
    this.#unlink();
    const isAtWork = this.#leases.size + this.#stopping.size > 0;
    using limit = childSignal(undefined, { ms: isAtWork ? STOPPING_MS : PARTING_MS, time: this.#deps });
    const heard = this.#sending.then(() => this.#stream.close()).then(() => this.#listening);
    await abortable(heard, limit.signal).catch(() => {});
    this.#life.abort(new FarmError("CANCELLED", "the job has ended"));
    this.#stream.abort(new FarmError("CANCELLED", "the job has ended"));
    await Promise.allSettled([this.#listening, this.#beating]);
    this.#life.dispose();
  }

  /** Messages leave in order; a broken stream is noticed by the reader, and one that takes nothing is cut. */
  #say(message: RequesterMessage): void {
    const { silentMs } = LEASE_LIMITS;
    this.#sending = this.#sending.then(() => writeMessage(this.#stream, message, silentMs, this.#life.signal)).catch(() => {});
  }

  async #beat(): Promise<void> {
    try {
      while (!this.#life.signal.aborted) {
        await this.#deps.clock.sleep(LEASE_LIMITS.heartbeatMs, this.#life.signal);
        this.#say({ type: "heartbeat" });
      }
    } catch {
      // the link's life has ended
    }
  }

  async #listen(): Promise<void> {
    let reason: string | undefined;
    try {
      for (let message = await this.#read(); message !== undefined; message = await this.#read()) {
        if (message.type === "end") reason = message.reason;
        else for (const updates of this.#understand(message)) this.updates.push(updates);
      }
    } catch (error) {
      reason ??= messageOf(error);
      this.#stream.abort(error as Error);
    }
    reason ??= "it closed the connection";
    this.updates.push({ type: "gone", reason });
    this.updates.close();
    this.#life.abort(new FarmError("PEER_UNREACHABLE", reason));
  }

  #read(): Promise<DonorMessage | undefined> {
    return readMessage(this.#stream, DonorMessage, READ, this.#life.signal);
  }

  #understand(message: Exclude<DonorMessage, { type: "end" }>): DonorUpdate[] {
    switch (message.type) {
      case "heartbeat":
        return [{ type: "alive" }];
      case "state":
        return [{ type: "scene", phase: message.phase, bytesDone: message.bytesDone, bytesTotal: message.bytesTotal }];
      case "availability":
        return [availabilityUpdate(message.availability)];
      case "started":
        return this.#about(message.lease, (chunk) => ({ type: "started", chunk }));
      case "rendered":
        this.#stopping.delete(message.lease);
        return this.#about(message.lease, (chunk) => {
          const { files, seconds, deviceClass } = message;
          return { type: "rendered", chunk, files, seconds, deviceClass };
        });
      case "failed":
        this.#stopping.delete(message.lease);
        return this.#about(message.lease, (chunk) => {
          this.#leaseOf.delete(chunk);
          this.#leases.delete(message.lease);
          return {
            type: "failed",
            chunk,
            code: message.code,
            message: message.message,
            kind: NOT_THE_CHUNKS.has(message.code) ? "transport" : "task",
          };
        });
      case "opened":
      case "refused":
        throw new FarmError("PEER_BROKE_PROTOCOL", "the donor opened the job twice");
    }
  }

  /** News of a lease that we have given up is no news. */
  #about(lease: string, updates: (chunk: ChunkId) => DonorUpdate): DonorUpdate[] {
    const chunk = this.#leases.get(lease);
    return chunk === undefined ? [{ type: "alive" }] : [updates(chunk)];
  }
}

function availabilityUpdate(availability: WireAvailability): DonorUpdate {
  return {
    type: "availability",
    open: availability.state === "open",
    reason: availability.state === "open" ? undefined : availability.reason,
  };
}

/** Failures that say nothing about the chunk: the scene did not arrive, the lease was taken back, or the donor itself is in trouble. */
const NOT_THE_CHUNKS: ReadonlySet<string> = new Set<ErrorCode>([
  "CANCELLED",
  "PEER_UNREACHABLE",
  "PEER_BROKE_PROTOCOL",
  "BLOCK_MISSING",
  "BLOCK_CORRUPT",
  "DISK_FULL",
  "SANDBOX_UNAVAILABLE",
  "SANDBOX_UNSAFE",
  "ENVIRONMENT_MISSING",
]);
