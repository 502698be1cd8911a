import type { Availability } from "../core/terms/availability.ts";
import type { DonorEvent } from "./serve-job-deps.ts";

/** An effect of the owner's terms. */
export type DonorPolicyEvent =
  | ({ readonly event: "availability" } & Availability)
  | { readonly event: "terms"; readonly terms: Readonly<Record<string, string>>; readonly slots: number; readonly threads: number }
  | { readonly event: "job-evicted"; readonly job: string }
  | {
      readonly event: "environment-asked";
      readonly digest: string;
      readonly job: string;
      readonly requester: string;
      readonly term: string;
    }
  | { readonly event: "note"; readonly message: string };

/** The events of a donor for all views; `at` is added when printing. */
export type DonateEvent =
  | DonorEvent
  | DonorPolicyEvent
  | {
      readonly event: "listening";
      readonly peerId: string;
      readonly multiaddrs: readonly string[];
      readonly name: string;
      readonly blenders: readonly string[];
      readonly slots: number;
      readonly threads: number;
    };
