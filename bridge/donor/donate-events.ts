import type { Availability } from "../core/terms/availability.ts";
import type { DonorEvent } from "./serve-job-deps.ts";

/** What the owner's terms did. */
export type OwnerEvent =
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

/** What everybody who watches a donor reads; `at` is added where it is printed. */
export type DonateEvent =
  | DonorEvent
  | OwnerEvent
  | {
      readonly event: "listening";
      readonly peerId: string;
      readonly multiaddrs: readonly string[];
      readonly name: string;
      readonly blenders: readonly string[];
      readonly slots: number;
      readonly threads: number;
    };
