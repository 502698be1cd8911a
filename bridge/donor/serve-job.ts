import { basename } from "node:path";
import { admit, type AdmissionTerms } from "../core/admission.ts";
import type { ChunkSpec, ResultFile } from "../core/chunk.ts";
import { childSignal, isAbort } from "../kernel/abort.ts";
import type { Clock } from "../kernel/clock.ts";
import { FarmError, isFarmError, messageOf } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { encodeMessage, readMessage } from "../protocols/codec.ts";
import type { FrameStream } from "../protocols/frame-stream.ts";
import { type DonorMessage, LEASE_LIMITS, RequesterMessage } from "../protocols/lease/messages.ts";
import type { BlockPeer, DonorStore, RenderedFiles, SceneOnDisk } from "./ports.ts";
import type { RenderSlots } from "./render-slots.ts";

export interface ServeJobDeps {
  readonly store: DonorStore;
  readonly slots: RenderSlots;
  readonly clock: Clock;
  readonly log: Log;
  readonly terms: () => AdmissionTerms;
  /** What a person watching this donor may want to see. */
  readonly observe: (event: DonorEvent) => void;
}

export type DonorEvent =
  | { readonly event: "job-opened" | "job-closed"; readonly job: string; readonly requester: string }
  | { readonly event: "chunk-started"; readonly job: string; readonly lease: string }
  | { readonly event: "chunk-rendered"; readonly job: string; readonly lease: string; readonly seconds: number; readonly bytes: number }
  | { readonly event: "chunk-failed"; readonly job: string; readonly lease: string; readonly code: string }
  | { readonly event: "scene-fetched"; readonly job: string; readonly bytes: number };

const READ = { maxBytes: LEASE_LIMITS.maxMessageBytes, timeoutMs: LEASE_LIMITS.silentMs };

/** Serves one requester's job over its lease stream, until the requester leaves or `parent` aborts. */
export async function serveJob(deps: ServeJobDeps, stream: FrameStream, requester: BlockPeer, parent: AbortSignal): Promise<void> {
  const open = await readMessage(stream, RequesterMessage, { ...READ, timeoutMs: LEASE_LIMITS.openTimeoutMs }, parent);
  if (open === undefined) return;
  if (open.type !== "open") throw new FarmError("PEER_BROKE_PROTOCOL", "the first message of a lease stream must be open");
  const admission = admit({ peer: requester.id, build: open.build }, deps.terms());
  if ("refused" in admission) {
    await stream.write(encodeMessage({ type: "refused", because: admission.refused } satisfies DonorMessage), parent);
    await stream.close();
    return;
  }
  using life = childSignal(parent);
  const job = new ServedJob(
    deps,
    stream,
    { job: open.job, manifest: open.manifest, manifestBytes: open.manifestBytes, requester },
    life.signal,
  );
  deps.observe({ event: "job-opened", job: open.job, requester: requester.id });
  try {
    await job.say({ type: "opened", slots: deps.slots.size, deviceClass: admission.deviceClass });
    const beating = job.beat();
    await job.listen();
    life.abort(new FarmError("CANCELLED", "the requester has left"));
    await beating;
  } finally {
    life.abort(new FarmError("CANCELLED", "the job is closed"));
    await job.end();
    deps.observe({ event: "job-closed", job: open.job, requester: requester.id });
  }
}

interface JobTicket {
  readonly job: string;
  readonly manifest: string;
  readonly manifestBytes: number;
  readonly requester: BlockPeer;
}

/** The donor's memory of one job while its stream lives. */
class ServedJob {
  readonly #deps: ServeJobDeps;
  readonly #stream: FrameStream;
  readonly #ticket: JobTicket;
  readonly #signal: AbortSignal;
  readonly #leases = new Map<string, { readonly cancel: (reason: Error) => void; files: readonly ResultFile[] }>();
  readonly #work = new Set<Promise<void>>();
  #sources: readonly BlockPeer[] = [];
  #scene: Promise<SceneOnDisk> | undefined;

  constructor(deps: ServeJobDeps, stream: FrameStream, ticket: JobTicket, signal: AbortSignal) {
    this.#deps = deps;
    this.#stream = stream;
    this.#ticket = ticket;
    this.#signal = signal;
  }

  async say(message: DonorMessage): Promise<void> {
    await this.#stream.write(encodeMessage(message), this.#signal);
  }

  async beat(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        await this.#deps.clock.sleep(LEASE_LIMITS.beatMs, this.#signal);
        await this.say({ type: "beat" });
      } catch {
        return; // the stream's reader notices the end and says why
      }
    }
  }

  async listen(): Promise<void> {
    this.#scene = this.#bringScene();
    this.#scene.catch(() => {}); // told with the first lease
    while (true) {
      const message = await readMessage(this.#stream, RequesterMessage, READ, this.#signal);
      if (message === undefined) return;
      if (message.type === "lease") this.#take(message.lease, message.spec as ChunkSpec);
      else if (message.type === "withdraw") this.#leases.get(message.lease)?.cancel(new FarmError("CANCELLED", "the lease was withdrawn"));
      else if (message.type === "release") await this.#release(message.lease);
      else if (message.type === "sources") this.#sources = message.peers;
    }
  }

  async end(): Promise<void> {
    await Promise.allSettled(this.#work);
    for (const lease of this.#leases.keys()) await this.#release(lease);
    const scene = await this.#scene?.catch(() => undefined);
    if (scene) {
      await this.#deps.slots.forget(scene.key);
      await this.#deps.store.releaseScene(scene.key);
    }
  }

  #take(lease: string, spec: ChunkSpec): void {
    if (this.#leases.has(lease) || this.#leases.size >= LEASE_LIMITS.maxLeasesInFlight) {
      throw new FarmError("PEER_BROKE_PROTOCOL", "a lease was given twice, or too many at once");
    }
    const child = childSignal(this.#signal);
    this.#leases.set(lease, { cancel: child.abort, files: [] });
    const work = this.#render(lease, spec, child.signal)
      .catch((error: unknown) => this.#deps.log.warn({ lease, error }, "the requester could not be told how a lease ended"))
      .finally(() => {
        child.dispose();
        this.#work.delete(work);
      });
    this.#work.add(work);
  }

  async #render(lease: string, spec: ChunkSpec, signal: AbortSignal): Promise<void> {
    const { job } = this.#ticket;
    try {
      const scene = await (this.#scene as Promise<SceneOnDisk>);
      const started = () => {
        this.#deps.observe({ event: "chunk-started", job, lease });
        void this.say({ type: "started", lease }).catch(() => {});
      };
      const { files, rendered } = await this.#deps.slots.run(scene, spec, { take: (rendered) => this.#keep(rendered), started }, signal);
      const held = this.#leases.get(lease);
      if (held) held.files = files;
      await this.say({
        type: "rendered",
        lease,
        files: [...files],
        seconds: rendered.renderSeconds,
        peakMemoryBytes: rendered.peakMemoryBytes,
      });
      this.#deps.observe({
        event: "chunk-rendered",
        job,
        lease,
        seconds: rendered.renderSeconds,
        bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      });
    } catch (error) {
      this.#leases.delete(lease);
      if (this.#signal.aborted) return;
      const code = signal.aborted || isAbort(error) ? "CANCELLED" : isFarmError(error) ? error.code : "BLENDER_SCRIPT_FAILED";
      this.#deps.observe({ event: "chunk-failed", job, lease, code });
      this.#deps.log.debug({ lease, error }, "chunk failed");
      await this.say({ type: "failed", lease, code, message: messageOf(error).slice(0, 2000) });
    }
  }

  async #keep(rendered: RenderedFiles): Promise<{ files: ResultFile[]; rendered: RenderedFiles }> {
    const named: { role: ResultFile["role"]; path: string }[] = [
      ...(rendered.floats === undefined ? [] : [{ role: "floats" as const, path: rendered.floats }]),
      ...rendered.outputs.map((path) => ({ role: "output" as const, path })),
      ...(rendered.preview === undefined ? [] : [{ role: "preview" as const, path: rendered.preview }]),
    ];
    const files: ResultFile[] = [];
    for (const { role, path } of named) {
      files.push({ role, name: basename(path), ...(await this.#deps.store.keepResult(path, this.#ticket.requester.id)) });
    }
    return { files, rendered };
  }

  async #release(lease: string): Promise<void> {
    const files = this.#leases.get(lease)?.files ?? [];
    this.#leases.delete(lease);
    for (const file of files) await this.#deps.store.dropResult(file.sha256);
  }

  async #bringScene(): Promise<SceneOnDisk> {
    const { job, manifest, manifestBytes, requester } = this.#ticket;
    let told = 0;
    const tell = (phase: "fetching" | "ready", bytesDone: number, bytesTotal: number) => {
      void this.say({ type: "state", phase, bytesDone, bytesTotal }).catch(() => {});
    };
    const scene = await this.#deps.store.bringScene(
      { manifest, manifestBytes, sources: () => [requester, ...this.#sources] },
      this.#signal,
      (done, total) => {
        if (this.#deps.clock.monotonicMs() - told < 250 && done < total) return;
        told = this.#deps.clock.monotonicMs();
        tell("fetching", done, total);
      },
    );
    tell("ready", 0, 0);
    this.#deps.observe({ event: "scene-fetched", job, bytes: manifestBytes });
    return scene;
  }
}
