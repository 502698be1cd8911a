import { admit, type AdmissionTerms, type JobRequirements, type Refused } from "../core/admission.ts";
import type { ChunkSpec } from "../core/plan/chunk.ts";
import { childSignal } from "../kernel/abort.ts";
import type { Clock } from "../kernel/clock.ts";
import { FarmError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { readMessage, writeMessage } from "../protocols/codec.ts";
import type { FrameStream } from "../protocols/frame-stream.ts";
import { type DonorMessage, LEASE_LIMITS, RequesterMessage } from "../protocols/lease/messages.ts";
import type { OpenedJob } from "./fetch-job-inputs.ts";
import type { OrphanedResults } from "./orphaned-results.ts";
import type { BlockPeer, DonorEnvironments, DonorStore, PeakMemory, Showcase } from "./ports.ts";
import type { RenderSlots } from "./render-slots.ts";
import { READ, ServedJob } from "./served-job.ts";

export interface ServeJobDeps {
  readonly store: DonorStore;
  readonly slots: RenderSlots;
  /** Undefined where work runs in none. */
  readonly environments?: DonorEnvironments | undefined;
  readonly kept: OrphanedResults;
  readonly peaks: PeakMemory;
  readonly showcase: Showcase;
  readonly clock: Clock;
  readonly log: Log;
  readonly terms: () => AdmissionTerms;
  /** Higher comes first among chunks that wait for a slot. */
  readonly priorityOf: (peer: string) => number;
  /** What a person watching this donor may want to see. */
  readonly observe: (event: DonorEvent) => void;
  /** Told while the job is open, so that its owner can reach it; returns what to do at its end. */
  readonly opened: (job: ServedJob) => () => void;
  /** The same job of the same requester by an older stream, which it may not have noticed to be dead. */
  readonly olderOf: (ticket: OpenedJob) => ServedJob | undefined;
}

export type DonorEvent =
  | { readonly event: "job-opened" | "job-closed"; readonly job: string; readonly requester: string }
  | {
      readonly event: "job-refused";
      readonly job: string;
      readonly requester: string;
      readonly reason: string;
      /** The environment that the owner would have to let in first. */
      readonly asks?: string;
    }
  | { readonly event: "chunk-started"; readonly job: string; readonly lease: string; readonly spec: ChunkSpec }
  | {
      readonly event: "chunk-rendered";
      readonly job: string;
      readonly lease: string;
      readonly spec: ChunkSpec;
      readonly seconds: number;
      readonly bytes: number;
    }
  | { readonly event: "chunk-failed"; readonly job: string; readonly lease: string; readonly code: string }
  | { readonly event: "scene-fetched"; readonly job: string; readonly bytes: number }
  | { readonly event: "environment-ready"; readonly job: string; readonly digest: string; readonly seconds: number };

/** Serves one requester's job over its lease stream, until the requester leaves or `parent` aborts. */
export async function serveJob(deps: ServeJobDeps, stream: FrameStream, requester: BlockPeer, parent: AbortSignal): Promise<void> {
  const open = await readMessage(stream, RequesterMessage, { ...READ, timeoutMs: LEASE_LIMITS.openTimeoutMs }, parent);
  if (open === undefined) return;
  if (open.type !== "open") throw new FarmError("PEER_BROKE_PROTOCOL", "the first message of a lease stream must be open");
  const known = deps.peaks.of(open.manifest) ?? 0;
  const needs = { ...open.needs, memoryBytes: Math.max(open.needs.memoryBytes ?? 0, known) };
  const { job: id, manifest, manifestBytes, build, allowPreview = false } = open;
  const environment = needs.environment === undefined ? {} : { environment: needs.environment };
  const ticket: OpenedJob = { job: id, manifest, manifestBytes, build, requester, allowPreview, ...environment };
  await deps.olderOf(ticket)?.replace();
  const admission = admit({ peer: requester.id, job: open.job, build: open.build, needs }, deps.terms());
  if ("refused" in admission) {
    deps.observe({
      event: "job-refused",
      job: open.job,
      requester: requester.id,
      reason: admission.message,
      ...asksOwner(admission, needs),
    });
    const refused = { type: "refused", reason: admission.refused, message: admission.message } satisfies DonorMessage;
    await writeMessage(stream, refused, LEASE_LIMITS.openTimeoutMs, parent);
    await stream.close();
    return;
  }
  using life = childSignal(parent);
  const job = new ServedJob(deps, stream, ticket, life);
  const closed = deps.opened(job);
  deps.observe({ event: "job-opened", job: open.job, requester: requester.id });
  let how: "left" | "vanished" | "dismissed" | "broken" = "broken";
  try {
    how = await job.serve({ type: "opened", slots: deps.slots.size, deviceClass: admission.deviceClass });
  } finally {
    closed();
    deps.observe({ event: "job-closed", job: open.job, requester: requester.id });
    await job.finish(how);
    await deps.showcase.clear(open.job);
  }
}

function asksOwner({ refused }: Refused, { environment }: JobRequirements): { readonly asks?: string } {
  return refused === "environment-asked" && environment !== undefined ? { asks: environment } : {};
}
