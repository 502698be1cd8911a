import { admit, type JobRequirements, type RefusalReply } from "../core/admission.ts";
import { childSignal } from "../kernel/abort.ts";
import { FarmError } from "../kernel/errors.ts";
import type { BlockPeer } from "../protocols/blocks/messages.ts";
import { readMessage, writeMessage } from "../protocols/codec.ts";
import type { FrameStream } from "../protocols/frame-stream.ts";
import { type DonorMessage, LEASE_LIMITS, RequesterMessage } from "../protocols/lease/messages.ts";
import { messageText } from "../protocols/offer/messages.ts";
import type { OpenedJob, ServeJobDeps } from "./serve-job-deps.ts";
import { LEASE_READ_LIMITS, DonorJob } from "./donor-job.ts";

/** Serves one requester's job over its lease stream, until the requester leaves or `parent` aborts. */
export async function serveJob(deps: ServeJobDeps, stream: FrameStream, requester: BlockPeer, parent: AbortSignal): Promise<void> {
  const open = await readMessage(stream, RequesterMessage, { ...LEASE_READ_LIMITS, timeoutMs: LEASE_LIMITS.openTimeoutMs }, parent);
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
    const refused = { type: "refused", reason: admission.refused, message: messageText(admission.message) } satisfies DonorMessage;
    await writeMessage(stream, refused, LEASE_LIMITS.openTimeoutMs, parent);
    await stream.close();
    return;
  }
  using life = childSignal(parent);
  const job = new DonorJob(deps, stream, ticket, life);
  const closed = deps.opened(job);
  deps.observe({ event: "job-opened", job: open.job, requester: requester.id });
  let how: "left" | "vanished" | "dismissed" | "broken" = "broken";
  try {
    how = await job.serve({ type: "opened", slots: deps.slots.size, deviceClass: admission.deviceClass });
  } finally {
    closed();
    deps.observe({ event: "job-closed", job: open.job, requester: requester.id });
    await job.finish(how);
    await deps.previews.clear(open.job);
  }
}

function asksOwner({ refused }: RefusalReply, { environment }: JobRequirements): { readonly asks?: string } {
  return refused === "environment-asked" && environment !== undefined ? { asks: environment } : {};
}
