import { basename } from "node:path";
import { type ChunkSpec, type ResultFile, lastSamplesIn } from "../core/plan/chunk.ts";
import type { Availability } from "../core/terms/availability.ts";
import { type LinkedAbort, childSignal, isAbort } from "../kernel/abort.ts";
import { FarmError, isFarmError, messageOf } from "../kernel/errors.ts";
import { TrackedTasks } from "../kernel/tracked-tasks.ts";
import type { BlockPeer } from "../protocols/blocks/messages.ts";
import { readMessage, writeMessage } from "../protocols/codec.ts";
import type { FrameStream } from "../protocols/frame-stream.ts";
import { type DonorMessage, LEASE_LIMITS, RequesterMessage } from "../protocols/lease/messages.ts";
import { availabilityMessage, messageText } from "../protocols/offer/messages.ts";
import type { ChunkResult } from "./orphaned-results.ts";
import { fetchJobInputs } from "./fetch-job-inputs.ts";
import type { ChunkFiles, SceneOnDisk } from "./ports.ts";
import type { OpenJobHandle, OpenedJob, ServeJobDeps } from "./serve-job-deps.ts";

export const LEASE_READ_LIMITS = { maxBytes: LEASE_LIMITS.maxMessageBytes, timeoutMs: LEASE_LIMITS.silentMs };
/** A requester that does not take a goodbye goes without. */
const GOODBYE_MS = 1_000;

/** A chunk of this job: waiting, being rendered, or done and not yet released. */
interface Lease {
  readonly spec: ChunkSpec;
  readonly result: Promise<ChunkResult>;
  readonly cancel: (reason: Error) => void;
  isStarted: boolean;
  /** Its requester took it back. */
  isWithdrawn: boolean;
}

/** The donor's memory of one job while its stream lives, and until what it began has ended. */
export class DonorJob implements OpenJobHandle {
  readonly ticket: OpenedJob;
  readonly #deps: ServeJobDeps;
  readonly #stream: FrameStream;
  /** All work for the job. */
  readonly #life: LinkedAbort;
  /** The conversation with its requester, which may end before the work does. */
  readonly #talk: LinkedAbort;
  readonly #handedOver = Promise.withResolvers<void>();
  readonly #leases = new Map<string, Lease>();
  readonly #work = new TrackedTasks();
  #sources: readonly BlockPeer[] = [];
  #scene: Promise<SceneOnDisk> | undefined;

  constructor(deps: ServeJobDeps, stream: FrameStream, ticket: OpenedJob, life: LinkedAbort) {
    this.#deps = deps;
    this.#stream = stream;
    this.ticket = ticket;
    this.#life = life;
    this.#talk = childSignal(life.signal);
  }

  /** Speaks with the requester until one of the two leaves. `finish` must follow. */
  async serve(opened: DonorMessage): Promise<"left" | "vanished" | "dismissed"> {
    const heartbeating = this.#heartbeat();
    try {
      await this.say(opened);
      await this.#listen();
      return "left";
    } catch (error) {
      if (this.#life.signal.aborted) return "dismissed";
      if (isFarmError(error, "PEER_UNREACHABLE") || isAbort(error)) return "vanished";
      throw error;
    } finally {
      this.#talk.abort();
      await heartbeating;
    }
  }

  /**
   * Ends what is left. For a requester that vanished, chunks that were begun are finished and kept for its
   * return; nothing is left of any other job.
   */
  async finish(how: "left" | "vanished" | "dismissed" | "broken"): Promise<void> {
    const begun = how === "vanished" ? this.#handOver() : [];
    this.#handedOver.resolve();
    await Promise.allSettled(begun.map(({ result }) => result));
    this.#life.abort(new FarmError("CANCELLED", "the job is closed"));
    for (const lease of this.#leases.keys()) this.#forget(lease);
    await this.#work.settle();
    if (how === "left") void this.#stream.close().catch(() => {}); // it waits for that: now nothing of its job runs here
    const scene = await this.#scene?.catch(() => undefined);
    if (scene) await this.#deps.store.releaseScene(scene.key, () => this.#deps.slots.forget(scene.key));
    this.#talk.dispose();
  }

  /** The requester speaks by another stream now; settles when all that it may ask for again is kept for it. */
  async replace(): Promise<void> {
    this.#talk.abort(new FarmError("PEER_UNREACHABLE", "its requester reconnected by another stream"));
    await this.#handedOver.promise;
  }

  /** The owner lets this machine work, or not for now. */
  notifyAvailability(availability: Availability): void {
    this.#sendInBackground({ type: "availability", availability: availabilityMessage(availability) });
  }

  /** Ends the job from this side, with a word. */
  async dismiss(reason: string): Promise<void> {
    const goodbye = this.say({ type: "end", reason: messageText(reason) }).then(() => this.#stream.close());
    await Promise.race([goodbye.catch(() => {}), this.#deps.clock.sleep(GOODBYE_MS)]);
    this.#life.abort(new FarmError("CANCELLED", reason));
  }

  async say(message: DonorMessage): Promise<void> {
    await writeMessage(this.#stream, message, LEASE_LIMITS.silentMs, this.#life.signal);
  }

  /** For what need not be waited for: a broken stream is noticed by the reader, and one that takes nothing is cut. */
  #sendInBackground(message: DonorMessage): void {
    void this.say(message).catch(() => {});
  }

  async #heartbeat(): Promise<void> {
    const { signal } = this.#talk;
    while (!signal.aborted) {
      try {
        await this.#deps.clock.sleep(LEASE_LIMITS.heartbeatMs, signal);
      } catch {
        return; // the talk has ended
      }
      this.#sendInBackground({ type: "heartbeat" });
    }
  }

  async #listen(): Promise<void> {
    this.#scene = this.#fetchScene();
    this.#scene.catch(() => {}); // told with the first lease
    while (true) {
      const message = await readMessage(this.#stream, RequesterMessage, LEASE_READ_LIMITS, this.#talk.signal);
      if (message === undefined) return;
      if (message.type === "lease") this.#take(message.lease, message.spec);
      else if (message.type === "withdraw") this.#withdraw(message.lease);
      else if (message.type === "release") this.#forget(message.lease);
      else if (message.type === "sources") this.#sources = message.peers;
    }
  }

  #take(lease: string, spec: ChunkSpec): void {
    if (this.#leases.has(lease) || this.#leases.size >= LEASE_LIMITS.maxLeasesInFlight) {
      throw new FarmError("PEER_BROKE_PROTOCOL", "a lease was granted twice, or too many at once");
    }
    const { job, requester } = this.ticket;
    const kept = this.#deps.kept.take({ peer: requester.id, job, spec });
    const held: Lease = kept ? { spec, ...kept, isStarted: true, isWithdrawn: false } : this.#begin(lease, spec);
    if (kept) this.#sendInBackground({ type: "started", lease });
    this.#leases.set(lease, held);
    this.#do(this.#reportEnd(lease, held));
  }

  #withdraw(lease: string): void {
    const held = this.#leases.get(lease);
    if (held) held.isWithdrawn = true;
    this.#forget(lease);
  }

  #begin(lease: string, spec: ChunkSpec): Lease {
    const child = childSignal(this.#life.signal);
    const held = { spec, cancel: child.abort, isStarted: false, isWithdrawn: false };
    const started = () => {
      held.isStarted = true;
      this.#deps.observe({ event: "chunk-started", job: this.ticket.job, lease, spec });
      this.#sendInBackground({ type: "started", lease });
    };
    const result = this.#render(lease, spec, { started, signal: child.signal }).finally(child.dispose);
    result.catch(() => {}); // told by `#tell`
    return Object.assign(held, { result });
  }

  async #render(
    lease: string,
    spec: ChunkSpec,
    { started, signal }: { readonly started: () => void; readonly signal: AbortSignal },
  ): Promise<ChunkResult> {
    const { job, manifest, requester } = this.ticket;
    const scene = await (this.#scene as Promise<SceneOnDisk>);
    const use = { take: (rendered: ChunkFiles) => this.#keep(rendered), started, priority: this.#deps.priorityOf(requester.id) };
    const result = await this.#deps.slots.run(scene, spec, use, signal);
    this.#deps.peaks.note(manifest, result.peakMemoryBytes);
    const bytes = result.files.reduce((sum, file) => sum + file.bytes, 0);
    this.#deps.observe({ event: "chunk-rendered", job, lease, spec, seconds: result.seconds, bytes });
    return result;
  }

  /** Tells the requester how a chunk ended. */
  async #reportEnd(lease: string, held: Lease): Promise<void> {
    const outcome = await held.result.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if ("value" in outcome && !held.isWithdrawn) {
      const { files, seconds, peakMemoryBytes, deviceClass } = outcome.value;
      return this.#sendInBackground({ type: "rendered", lease, files, seconds, peakMemoryBytes, deviceClass });
    }
    this.#leases.delete(lease);
    if (this.#life.signal.aborted) return;
    const error = "error" in outcome ? outcome.error : new FarmError("CANCELLED", "the lease was withdrawn");
    const isCancelled = held.isWithdrawn || isAbort(error);
    const code = isCancelled ? "CANCELLED" : isFarmError(error) ? error.code : "BLENDER_SCRIPT_FAILED";
    this.#deps.observe({ event: "chunk-failed", job: this.ticket.job, lease, code });
    this.#deps.log.debug({ lease, error }, "chunk failed");
    this.#sendInBackground({ type: "failed", lease, code, message: messageOf(error).slice(0, 2000) });
  }

  async #keep(rendered: ChunkFiles): Promise<ChunkResult> {
    const named: { role: ResultFile["role"]; path: string }[] = [
      ...(rendered.raw === undefined ? [] : [{ role: "raw" as const, path: rendered.raw }]),
      ...rendered.outputs.map((path) => ({ role: "output" as const, path })),
      ...(rendered.preview === undefined ? [] : [{ role: "preview" as const, path: rendered.preview }]),
    ];
    if (this.ticket.allowPreview && rendered.preview !== undefined) await this.#deps.previews.take(this.ticket.job, rendered.preview);
    const files: ResultFile[] = [];
    try {
      for (const { role, path } of named)
        files.push({ role, name: basename(path), ...(await this.#keepFile(path)), ...lastSamplesIn(role, rendered) });
    } catch (error) {
      for (const file of files) await this.#deps.store.dropResult(file.sha256, this.ticket.requester.id);
      throw error;
    }
    const { renderSeconds: seconds, peakMemoryBytes, deviceClass } = rendered;
    return { files, seconds, peakMemoryBytes, deviceClass };
  }

  /** Where the disk that is given is full, results go first that nobody has come back for. */
  async #keepFile(path: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
    while (true) {
      try {
        return await this.#deps.store.keepResult(path, this.ticket.requester.id);
      } catch (error) {
        if (!isFarmError(error, "DISK_FULL") || !(await this.#deps.kept.dropOldest())) throw error;
      }
    }
  }

  /** The requester wants no more of a chunk. */
  #forget(lease: string): void {
    const held = this.#leases.get(lease);
    if (!held) return;
    this.#leases.delete(lease);
    held.cancel(new FarmError("CANCELLED", "the chunk is no longer needed"));
    this.#do(
      held.result.then(
        async ({ files }) => {
          for (const file of files) await this.#deps.store.dropResult(file.sha256, this.ticket.requester.id);
        },
        () => {}, // there is no result
      ),
    );
  }

  /** Gives what was begun into keeping. */
  #handOver(): readonly Lease[] {
    const { job, requester } = this.ticket;
    const begun = [...this.#leases.values()].filter(({ isStarted }) => isStarted);
    for (const lease of this.#leases.values()) {
      if (!lease.isStarted) lease.cancel(new FarmError("CANCELLED", "its requester has disconnected"));
      else this.#deps.kept.keep({ peer: requester.id, job, spec: lease.spec }, lease);
    }
    this.#leases.clear();
    return begun;
  }

  #do(work: Promise<void>): void {
    const failed = (error: unknown) => this.#deps.log.warn({ error }, "the end of a chunk could not be handled");
    void this.#work.add(work.catch(failed));
  }

  async #fetchScene(): Promise<SceneOnDisk> {
    let told = 0;
    const talk = {
      sources: () => [this.ticket.requester, ...this.#sources],
      fetching: (bytesDone: number, bytesTotal: number) => {
        if (this.#deps.clock.monotonicMs() - told < 250 && bytesDone < bytesTotal) return;
        told = this.#deps.clock.monotonicMs();
        this.#sendInBackground({ type: "state", phase: "fetching", bytesDone, bytesTotal });
      },
      dismiss: (reason: string) => this.dismiss(reason),
    };
    const scene = await fetchJobInputs(this.#deps, this.ticket, talk, this.#life.signal);
    this.#sendInBackground({ type: "state", phase: "ready", bytesDone: 0, bytesTotal: 0 });
    return scene;
  }
}
