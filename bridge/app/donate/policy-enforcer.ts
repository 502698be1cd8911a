import { OPEN, type Availability } from "../../core/terms/availability.ts";
import type { Donor } from "../../donor/donor.ts";
import type { RenderSlots } from "../../donor/render-slots.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Service } from "../../kernel/service.ts";
import { childSignal, type LinkedAbort } from "../../kernel/abort.ts";
import type { Freezer } from "../../sandbox/process/freezer.ts";
import type { DonorPolicyEvent } from "../../donor/donate-events.ts";
import type { DonorDevices } from "./devices/donor-devices.ts";
import type { DonorSandbox } from "./donor-sandbox.ts";
import type { OwnedDonorStore } from "./donor-store.ts";
import type { OwnerSettings } from "./owner-settings.ts";
import type { AvailabilityPolicy } from "./policy-state.ts";

export interface PolicyEnforcerDeps {
  readonly policy: AvailabilityPolicy;
  readonly settings: OwnerSettings;
  readonly donor: Pick<Donor, "notifyAvailability" | "evict" | "dismiss" | "jobs">;
  readonly slots: Pick<RenderSlots, "pause" | "resume" | "resize" | "renew" | "busy">;
  readonly store: Pick<OwnedDonorStore, "resize">;
  readonly freezer: Freezer;
  readonly sandbox: Pick<DonorSandbox, "resize">;
  readonly devices: Pick<DonorDevices, "follow" | "prepare">;
  readonly clock: Clock;
  readonly log: Log;
  readonly observe: (event: DonorPolicyEvent) => void;
  /** Called after each turn, for views; `looked`: the metrics were read, too. */
  readonly turned: (metricsRead: boolean) => Promise<void>;
}

/** Commands are read this often; the machine's metrics less often. */
const TURN_MS = 200;
const LOOK_EVERY_MS = 2_000;
/** Paused work holds memory: after this time it is ended. */
const PAUSED_KEPT_MS = 15 * 60_000;

/** Enforces the owner's policy on a donor: reads commands, terms and metrics, and pauses, resumes or ends its work. */
export class PolicyEnforcer implements Service {
  readonly name = "donor-control";
  readonly #deps: PolicyEnforcerDeps;
  #life: LinkedAbort | undefined;
  #turning: Promise<void> | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;
  /** When the donor stopped being open; undefined while it is. */
  #closedSinceMs: number | undefined;
  #evictedMs: number;
  #threads: number;
  #preparing: Promise<void> = Promise.resolve();

  constructor(deps: PolicyEnforcerDeps) {
    this.#deps = deps;
    this.#evictedMs = deps.clock.now();
    this.#threads = deps.policy.slotSize().threads;
  }

  async start(): Promise<void> {
    if (this.#life) return;
    this.#life = childSignal();
    const availability = this.#deps.policy.availability();
    if (availability.state !== "open") await this.#stand(OPEN, availability);
    this.#turning = this.#run(this.#life.signal);
  }

  async stop(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    life?.abort();
    await this.#turning;
    await this.#preparing;
    life?.dispose();
    await this.#deps.freezer.thaw(); // a paused process cannot end cleanly
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#deps.clock.sleep(TURN_MS, signal);
        await this.turn();
      } catch (error) {
        if (!signal.aborted) this.#deps.log.warn({ error }, "the owner's terms or commands could not be applied");
      }
    }
  }

  /** One turn: reads commands and metrics, and applies the result. */
  async turn(): Promise<void> {
    const { policy, clock } = this.#deps;
    const changed = policy.readTerms();
    if (changed) await this.#takeTerms();
    const due = clock.monotonicMs() - this.#lookedMs >= LOOK_EVERY_MS;
    if (due) this.#lookedMs = clock.monotonicMs();
    const before = policy.availability();
    const metricsRead = changed || due;
    const other = metricsRead ? await policy.look() : policy.decide();
    if (other) await this.#stand(before, policy.availability());
    await this.#evict();
    await this.#endOverdueWork(policy.availability());
    await this.#deps.turned(metricsRead);
  }

  async #takeTerms(): Promise<void> {
    const { policy, devices, slots, store, sandbox, observe } = this.#deps;
    const terms = policy.terms();
    const size = policy.slotSize();
    const count = policy.slots();
    const { threads } = size;
    devices.follow(terms, size);
    slots.resize(count);
    if (threads !== this.#threads) slots.renew();
    this.#threads = threads;
    await sandbox.resize(size);
    await store.resize(terms.diskBytes);
    this.#takeGpus();
    observe({ event: "terms", terms: policy.texts, slots: count, threads });
  }

  /** Testing other GPUs takes a while: commands are still read meanwhile. */
  #takeGpus(): void {
    const { devices, slots, log } = this.#deps;
    const signal = this.#life?.signal ?? new AbortController().signal;
    this.#preparing = this.#preparing
      .then(() => devices.prepare(signal))
      .then((changed) => (changed ? slots.renew() : undefined))
      .catch((error: unknown) => (signal.aborted ? undefined : log.warn({ error }, "the GPUs could not be tested")));
  }

  /** Pauses before requesters are told, and tells them before it resumes. */
  async #stand(before: Availability, now: Availability): Promise<void> {
    const { slots, freezer, donor, observe, clock } = this.#deps;
    if (now.state !== "open") slots.pause();
    if (now.state === "paused" && !freezer.isFrozen) await this.#freeze();
    if (now.state !== "paused" && freezer.isFrozen) await freezer.thaw();
    if (now.state === "open") slots.resume();
    if (now.state !== before.state) this.#closedSinceMs = now.state === "open" ? undefined : clock.monotonicMs();
    donor.notifyAvailability();
    observe({ event: "availability", ...now });
  }

  async #freeze(): Promise<void> {
    const unstoppable = await this.#deps.freezer.freeze();
    if (unstoppable > 0) {
      const message = `${unstoppable} Blenders cannot be paused on this system: they finish their chunks`;
      this.#deps.observe({ event: "note", message });
    }
  }

  async #evict(): Promise<void> {
    const { settings, donor, observe } = this.#deps;
    for (const { job, atMs } of settings.evictedSince(this.#evictedMs)) {
      this.#evictedMs = Math.max(this.#evictedMs, atMs);
      if (await donor.evict(job)) observe({ event: "job-evicted", job });
    }
  }

  /** Ends work that runs past the hours, or that was paused in memory for too long. */
  async #endOverdueWork(availability: Availability): Promise<void> {
    const { clock, donor, policy } = this.#deps;
    if (availability.state === "open" || this.#closedSinceMs === undefined || donor.jobs.length === 0) return;
    const shutForMs = clock.monotonicMs() - this.#closedSinceMs;
    const overstays =
      availability.state === "paused" ? shutForMs > PAUSED_KEPT_MS : availability.code !== "owner" && shutForMs > policy.terms().overtimeMs;
    if (overstays) await donor.dismiss(availability.reason);
  }
}
