import type { ChunkSpec } from "../../core/plan/chunk.ts";
import { BACKEND_NAMES } from "../../core/gpu/cycles-devices.ts";
import type { DonorCapacity } from "../../donor/ports.ts";
import { replaceFile } from "../../kernel/files/atomic-file.ts";
import type { World } from "../../kernel/world.ts";
import type { RenderSlots } from "../../donor/render-slots.ts";
import type { HostMetrics } from "../../machine/machine-monitor.ts";
import type { EnvironmentRequests } from "../environments/environment-requests.ts";
import type { DonateEvent } from "../../donor/donate-events.ts";
import type { DonationStats } from "./donation-stats.ts";
import type { PreviewStore } from "../../donor/preview-store.ts";
import type { DonorStatus } from "./donor-status.ts";
import type { OwnedDonorStore } from "./donor-store.ts";
import type { AvailabilityPolicy } from "./policy-state.ts";

/** The file is written at most this often, and at least every `LEAST_OFTEN_MS`. */
const MOST_OFTEN_MS = 500;
const LEAST_OFTEN_MS = 5_000;
export interface StatusWriterDeps {
  readonly world: Pick<World, "clock" | "disk">;
  readonly policy: Pick<AvailabilityPolicy, "availability" | "terms" | "texts" | "slotSize" | "hostMetrics">;
  readonly asked: EnvironmentRequests;
  readonly ledger: Pick<DonationStats, "totals">;
  readonly store: Pick<OwnedDonorStore, "usedBytes">;
  readonly slots: Pick<RenderSlots, "size" | "busy">;
  readonly previews: Pick<PreviewStore, "pictures">;
  readonly power: () => DonorCapacity;
}

/** Writes a donor's status to a file for its owner's other programs. */
export class StatusWriter {
  readonly #deps: StatusWriterDeps;
  readonly #options: { readonly path: string; readonly peerId: string; readonly name: string };
  readonly #working = new Map<string, DonorStatus["working"][number]>();
  #written = "";
  #writtenMs = 0;

  constructor(deps: StatusWriterDeps, options: { readonly path: string; readonly peerId: string; readonly name: string }) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Tracks which chunks are being rendered. */
  watch(event: DonateEvent): void {
    if (event.event === "chunk-started") {
      const { job, lease, spec } = event;
      this.#working.set(`${job} ${lease}`, { job, lease, what: describeSpec(spec), sinceMs: this.#deps.world.clock.now() });
    } else if (event.event === "chunk-rendered" || event.event === "chunk-failed") this.#working.delete(`${event.job} ${event.lease}`);
    else if (event.event === "job-closed") {
      for (const [key, { job }] of this.#working) if (job === event.job) this.#working.delete(key);
    }
  }

  /** Writes the status if it changed. @returns it, if it was written. */
  async write(jobs: readonly DonorStatus["jobs"][number][]): Promise<DonorStatus | undefined> {
    const nowMs = this.#deps.world.clock.now();
    if (nowMs - this.#writtenMs < MOST_OFTEN_MS) return undefined;
    const status = this.#status(jobs, nowMs);
    const text = JSON.stringify({ ...status, atMs: 0, machine: {}, gpus: [], diskUsedBytes: 0 });
    if (text === this.#written && nowMs - this.#writtenMs < LEAST_OFTEN_MS) return undefined;
    this.#written = text;
    this.#writtenMs = nowMs;
    // Readers never see a partial file; no sync, since it is not worth waiting for the disk.
    await replaceFile(this.#deps.world.disk, this.#options.path, JSON.stringify(status), {
      beside: `${this.#options.path}.new`,
      mode: 0o600,
    });
    return status;
  }

  async remove(): Promise<void> {
    await this.#deps.world.disk.rm(this.#options.path, { force: true });
  }

  #status(jobs: readonly DonorStatus["jobs"][number][], atMs: number): DonorStatus {
    const { policy, ledger, store, slots, power } = this.#deps;
    const { builds, gpus, gpuNote, speed } = power();
    const { peerId, name } = this.#options;
    return {
      pid: process.pid,
      atMs,
      peerId,
      name,
      availability: policy.availability(),
      terms: { ...policy.texts },
      slots: slots.size,
      busySlots: slots.busy,
      threads: policy.slotSize().threads,
      diskUsedBytes: store.usedBytes,
      jobs: [...jobs],
      asked: [...this.#deps.asked.open(policy.terms().environments, atMs)],
      working: [...this.#working.values()],
      pictures: [...this.#deps.previews.pictures],
      totals: ledger.totals,
      backends: [...new Set(builds.map(({ backend }) => BACKEND_NAMES[backend]))],
      gpus,
      gpuNote,
      speed,
      machine: machineOf(policy.hostMetrics),
    };
  }
}

/** "frame 12", "frame 12, 256x256 at 512,0". */
export function describeSpec(spec: ChunkSpec): string {
  if (spec.kind === "files") return `frame ${spec.frame}`;
  const { rect, width, height, frame } = spec;
  const isWhole = rect.width === width && rect.height === height;
  return isWhole ? `frame ${frame}` : `frame ${frame}, ${rect.width}x${rect.height} at ${rect.x},${rect.y}`;
}

function machineOf(hostMetrics: HostMetrics | undefined): DonorStatus["machine"] {
  if (!hostMetrics) return {};
  const { othersLoad, idleMs, onBattery, celsius, watts } = hostMetrics;
  return { othersLoad, idleMs, onBattery, celsius, watts };
}
