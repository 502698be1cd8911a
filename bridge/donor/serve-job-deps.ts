import type { AdmissionTerms } from "../core/admission.ts";
import type { ChunkSpec } from "../core/plan/chunk.ts";
import type { Clock } from "../kernel/time/clock.ts";
import type { Log } from "../kernel/log.ts";
import type { Availability } from "../core/terms/availability.ts";
import type { OpenMessage } from "../protocols/lease/messages.ts";
import type { OrphanedResults } from "./orphaned-results.ts";
import type { DonorEnvironments, ScenesAndResults, PeakMemory, Previews } from "./ports.ts";
import type { BlockPeer } from "../protocols/blocks/messages.ts";
import type { RenderSlots } from "./render-slots.ts";

export interface ServeJobDeps {
  readonly store: ScenesAndResults;
  readonly slots: RenderSlots;
  /** Undefined where work runs in none. */
  readonly environments?: DonorEnvironments | undefined;
  readonly kept: OrphanedResults;
  readonly peaks: PeakMemory;
  readonly previews: Previews;
  readonly clock: Clock;
  readonly log: Log;
  readonly terms: () => AdmissionTerms;
  /** Higher comes first among chunks that wait for a slot. */
  readonly priorityOf: (peer: string) => number;
  /** What a person watching this donor may want to see. */
  readonly observe: (event: DonorEvent) => void;
  /** Told while the job is open, so that its owner can reach it; returns what to do at its end. */
  readonly opened: (job: OpenJobHandle) => () => void;
  /** The same job of the same requester by an older stream, which it may not have noticed to be dead. */
  readonly olderOf: (ticket: OpenedJob) => OpenJobHandle | undefined;
}

export interface OpenedJob extends Pick<OpenMessage, "job" | "manifest" | "manifestBytes" | "build"> {
  /** Digest of the environment that the job names. */
  readonly environment?: string;
  readonly requester: BlockPeer;
  /** Its owner may look at small pictures of the job. */
  readonly allowPreview: boolean;
}

/** A job that is open here, as the donor holds it. */
export interface OpenJobHandle {
  readonly ticket: OpenedJob;
  notifyAvailability(availability: Availability): void;
  /** Its requester speaks by another stream now; settles when all that it may ask for again is kept for it. */
  replace(): Promise<void>;
  /** Ends the job from this side, with a reason. */
  dismiss(reason: string): Promise<void>;
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
