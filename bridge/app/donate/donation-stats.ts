import { z } from "zod";
import { workOfChunk, type DonatedWork, energyContribution, noTotals, Totals, addWork } from "../../core/terms/totals.ts";
import type { SettingsTable } from "../../database/types.ts";
import type { PeakMemory } from "../../donor/ports.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { HostMetrics } from "../../machine/machine-monitor.ts";
import type { DonateEvent } from "../../donor/donate-events.ts";

const TOTALS_KEY = "donor.totals";
const PEAKS_KEY = "donor.peaks";
/** Scenes whose memory use is remembered; the least recently rendered are dropped. */
const MAX_PEAKS = 500;
/** Every write waits for the disk, so totals are written at most this often. */
const WRITE_EVERY_MS = 5_000;

const Peaks = z.array(z.tuple([z.string().max(64), z.number().min(0)])).max(MAX_PEAKS);

/** What this donor remembers of its work: donated totals, and the memory that scenes used. */
export class DonationStats implements PeakMemory {
  readonly #settings: SettingsTable;
  readonly #clock: Clock;
  #totals: Totals;
  readonly #peaks: Map<string, number>;
  #writtenMs = 0;
  #changed = false;

  constructor(settings: SettingsTable, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#totals = parsed(Totals, settings.get(TOTALS_KEY)) ?? noTotals(this.#day());
    this.#peaks = new Map(parsed(Peaks, settings.get(PEAKS_KEY)) ?? []);
  }

  get totals(): Totals {
    return addWork(this.#totals, this.#day(), NOTHING);
  }

  of(manifest: string): number | undefined {
    return this.#peaks.get(manifest);
  }

  note(manifest: string, bytes: number): void {
    const most = Math.max(bytes, this.#peaks.get(manifest) ?? 0);
    this.#peaks.delete(manifest);
    this.#peaks.set(manifest, most);
    const [oldest] = this.#peaks.keys();
    if (this.#peaks.size > MAX_PEAKS && oldest !== undefined) this.#peaks.delete(oldest);
    this.#changed = true;
  }

  watch(event: DonateEvent): void {
    if (event.event === "chunk-rendered") this.#add(workOfChunk(event.spec, event.seconds));
  }

  /** Energy used while donated work ran, including the owner's own use, which is not measured separately. */
  noteEnergy(hostMetrics: Pick<HostMetrics, "joules"> | undefined, busySlots: number): void {
    if (hostMetrics?.joules !== undefined && busySlots > 0) this.#add(energyContribution(hostMetrics.joules));
  }

  /** Writes changed totals at intervals. */
  writeSometimes(): void {
    if (this.#clock.monotonicMs() - this.#writtenMs >= WRITE_EVERY_MS) this.write();
  }

  write(): void {
    if (!this.#changed) return;
    this.#writtenMs = this.#clock.monotonicMs();
    try {
      this.#settings.set(TOTALS_KEY, JSON.stringify(this.#totals));
      this.#settings.set(PEAKS_KEY, JSON.stringify([...this.#peaks]));
      this.#changed = false;
    } catch {
      // A full disk must not end the donor: the totals stay in memory for the next write.
    }
  }

  #add(more: DonatedWork): void {
    this.#totals = addWork(this.#totals, this.#day(), more);
    this.#changed = true;
  }

  #day(): string {
    const date = new Date(this.#clock.now());
    return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
  }
}

const NOTHING: DonatedWork = { chunks: 0, frames: 0, seconds: 0, joules: undefined };

function parsed<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
