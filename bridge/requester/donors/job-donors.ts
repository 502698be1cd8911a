import { chunkPlaceOf } from "../../core/job/job-events.ts";
import type { ChunkId, DeviceClass, DonorId } from "../../core/plan/chunk.ts";
import type { BanReason, WithdrawCause } from "../../core/schedule/types.ts";
import { TrackedTasks } from "../../kernel/tracked-tasks.ts";
import type { ResultReceiver } from "../results/result-receiver.ts";
import type { RunContext } from "../run/run-context.ts";
import { BAN_MESSAGES } from "./ban-messages.ts";
import type { DonorLink } from "./donor-link.ts";
import { handleUpdate } from "./handle-update.ts";

export interface JobDonorsPorts {
  readonly results: Pick<ResultReceiver, "commit" | "expect">;
  /** Whether this device class makes the same bits as the checker. */
  readonly sameClass: (deviceClass: DeviceClass) => boolean;
  /** A donor came nearer to the end of its work. */
  readonly moved: () => void;
}

/** The donors of one run: who is here, who is banned, and what each of them says of its work. */
export class JobDonors {
  readonly #ports: JobDonorsPorts;
  readonly #context: RunContext;
  readonly #here = new Map<DonorId, DonorLink>();
  /** Of whom the schedule has not heard yet, in the order in which it will. */
  readonly #arriving: DonorLink[] = [];
  readonly #banned = new Set<DonorId>();
  readonly #listening = new TrackedTasks();
  /** Nobody joins any more: what came now, nobody would close. */
  #isClosed = false;

  constructor(ports: JobDonorsPorts, context: RunContext) {
    this.#ports = ports;
    this.#context = context;
  }

  get list(): readonly DonorLink[] {
    return [...this.#here.values(), ...this.#arriving];
  }

  /** Somebody is here who may be given work, now or later. */
  get hasUsable(): boolean {
    return this.list.some(({ id }) => !this.#banned.has(id));
  }

  get bannedNames(): readonly string[] {
    return [...this.#banned].map((id) => this.#context.report.stats.nameOf(id));
  }

  get(donor: DonorId): DonorLink | undefined {
    return this.#here.get(donor);
  }

  /**
   * Takes a donor in. One that comes by a second link leaves its first one when the schedule hears of it (`arrived`), and
   * not before: what was leased until then is lost with the first.
   */
  join(link: DonorLink): void {
    if (this.#isClosed) return this.#close(link);
    this.#arriving.push(link);
    const { report, tell } = this.#context;
    const { id: donor, name, slots, trusted, benchmarkSpeed, deviceClass } = link;
    report.stats.nameDonor(donor, name);
    report.observe({ event: "donor-joined", donor, name, slots, local: trusted });
    tell({ type: "donor-joined", donor, slots, trusted, sameClass: this.#ports.sameClass(deviceClass), benchmarkSpeed });
  }

  /** The schedule hears of the next donor that joined: from here on leases go to this link of it. */
  arrived(): void {
    const link = this.#arriving.shift();
    if (!link) throw new Error("a donor joined that never came");
    const before = this.#here.get(link.id);
    if (before) this.#close(before);
    this.#here.set(link.id, link);
    void this.#listening.add(this.#listen(link));
  }

  lease(chunkId: ChunkId, donorId: DonorId, attempt: number): void {
    const { chunks, report, tell } = this.#context;
    const chunk = chunks.get(chunkId);
    const link = this.#here.get(donorId);
    if (!chunk || !link) return tell({ type: "chunk-failed", chunk: chunkId, donor: donorId, code: "PEER_UNREACHABLE", kind: "transport" });
    report.observe({ event: "chunk-leased", chunk: chunkId, donor: donorId, attempt, place: chunkPlaceOf(chunk) });
    this.#ports.results.expect(chunkId, donorId);
    link.lease(chunk);
  }

  withdraw(chunk: ChunkId, donor: DonorId, reason: WithdrawCause): void {
    this.#context.report.observe({ event: "chunk-withdrawn", chunk, donor, reason });
    this.#here.get(donor)?.withdraw(chunk);
  }

  /** Its files are safe here, or not wanted. */
  release(chunk: ChunkId, donor: DonorId): void {
    this.#here.get(donor)?.release(chunk);
  }

  ban(donor: DonorId, reason: BanReason): void {
    const { stats, observe } = this.#context.report;
    this.#banned.add(donor);
    stats.ban(donor);
    observe({ event: "donor-banned", donor, name: stats.nameOf(donor), reason: BAN_MESSAGES[reason] });
  }

  /** Donors of this machine live as long as this process does: they need not say so. */
  beat(): void {
    for (const { id, trusted } of this.list) if (trusted) this.#context.tell({ type: "heartbeat", donor: id });
  }

  /** Says goodbye to all of them, and closes whoever comes later. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.list.map((link) => link.close()));
    await this.#listening.settle();
  }

  async #listen(link: DonorLink): Promise<void> {
    const isCurrent = () => this.#here.get(link.id) === link;
    for await (const update of link.updates) {
      if (!isCurrent()) continue; // it speaks by another link now
      if (update.type !== "alive") this.#ports.moved();
      if (update.type === "gone") this.#left(link, update.reason);
      else handleUpdate(this.#ports.results, this.#context, link, update);
    }
    if (isCurrent()) this.#left(link, "its link has ended");
  }

  #left({ id: donor, name }: DonorLink, reason: string): void {
    const { signal, report, tell } = this.#context;
    this.#here.delete(donor);
    if (!signal.aborted) report.observe({ event: "donor-left", donor, name, reason });
    tell({ type: "donor-left", donor, reason });
  }

  #close(link: DonorLink): void {
    void link.close().catch((error: unknown) => this.#context.log.debug({ error }, "a link could not be closed"));
  }
}
