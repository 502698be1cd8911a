import type { WeeklySchedule } from "./schedule.ts";

/** How much of the machine's cores, as the owner wrote it. */
export type CoreShare =
  | { readonly kind: "count"; readonly cores: number }
  | { readonly kind: "share"; readonly share: number }
  /** Per slot: each Blender gets this many threads. */
  | { readonly kind: "each"; readonly cores: number };

/** What an owner donates, when, and to whom. All of it may change while work runs. */
export interface Terms {
  /** For all render slots together, unless it is per slot; undefined: every core but one. */
  readonly cores: CoreShare | undefined;
  /** For all render slots together; undefined: a default share of the machine's. */
  readonly memoryBytes: number | undefined;
  /** Disk space for scenes and results. */
  readonly diskBytes: number;
  readonly gpus: "none" | "all" | readonly string[];
  /** Chunks at the same time; undefined: one, or as many as fit on the GPUs that are given. */
  readonly slots: number | undefined;
  readonly uploadBytesPerSecond: number | undefined;
  readonly downloadBytesPerSecond: number | undefined;
  readonly schedule: WeeklySchedule;
  /** How long a chunk may go on after the schedule has closed. */
  readonly overtimeMs: number;
  /** Work is done only after this much time without user input. */
  readonly idleMs: number | undefined;
  /** Work is paused when other programs use more than this share of all cores. */
  readonly maxOthersLoad: number | undefined;
  readonly notOnBattery: boolean;
  /** Work is paused while one of these programs runs (ignoring case). */
  readonly yieldTo: readonly string[];
  readonly maxCelsius: number | undefined;
  readonly maxWatts: number | undefined;
  readonly who: "anyone" | "friends" | "own";
  /** Peer ids of the owner's other machines: served first. */
  readonly own: readonly string[];
  /** Peer ids that are served before strangers. */
  readonly friends: readonly string[];
  /** If not empty: only these peers, and the owner's own, are admitted. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Allowed environments of others: digests, peer ids whose signature is trusted, `any`, `ask`. */
  readonly environments: readonly string[];
}

/** The default terms. */
export const DEFAULT_TERMS: Terms = {
  cores: undefined,
  memoryBytes: undefined,
  diskBytes: 20 * 2 ** 30,
  gpus: "none",
  slots: undefined,
  uploadBytesPerSecond: undefined,
  downloadBytesPerSecond: undefined,
  schedule: [],
  overtimeMs: 5 * 60_000,
  idleMs: undefined,
  maxOthersLoad: undefined,
  notOnBattery: false,
  yieldTo: [],
  maxCelsius: undefined,
  maxWatts: undefined,
  who: "anyone",
  own: [],
  friends: [],
  allow: [],
  deny: [],
  environments: [],
};

/** The default idle time for "only when idle". */
export const IDLE_OTHERS_LOAD = 0.5;

/** The properties of this machine that the terms depend on. */
export interface MachineSize {
  readonly cores: number;
  readonly memoryBytes: number;
}

/** What one render slot may use. */
export interface SlotSize {
  readonly threads: number;
  readonly memoryBytes: number;
}

/** Memory kept for the owner's own work when no amount is set. */
const OWNERS_MEMORY = { share: 0.1, leastBytes: 2 ** 30 } as const;

/** One slot's share of the donated resources: at least one thread. */
export function slotSize(terms: Pick<Terms, "cores" | "memoryBytes" | "slots">, machine: MachineSize): SlotSize {
  const { slots = 1 } = terms;
  const memory = terms.memoryBytes ?? machine.memoryBytes - Math.max(OWNERS_MEMORY.leastBytes, machine.memoryBytes * OWNERS_MEMORY.share);
  return {
    threads: Math.max(1, Math.floor(coresGiven(terms, machine) / slots)),
    memoryBytes: Math.max(0, Math.floor(Math.min(memory, machine.memoryBytes) / slots)),
  };
}

/** Whole cores given; one is left free unless the owner said how many. */
export function coresGiven({ cores, slots = 1 }: Pick<Terms, "cores" | "slots">, machine: Pick<MachineSize, "cores">): number {
  switch (cores?.kind) {
    case undefined:
      return Math.max(1, machine.cores - 1);
    case "count":
      return cores.cores;
    case "each":
      return cores.cores * slots;
    case "share":
      return Math.max(1, Math.floor(cores.share * machine.cores));
  }
}

/** The tier of a requester, which orders the queue for a slot. */
export type RequesterTier = "own" | "friend" | "stranger";

export function requesterTierOf(peer: string, terms: Pick<Terms, "own" | "friends">): RequesterTier {
  if (terms.own.includes(peer)) return "own";
  return terms.friends.includes(peer) ? "friend" : "stranger";
}

/** Whether a peer is admitted; `deny` wins over everything. */
export function isAdmitted(peer: string, terms: Pick<Terms, "who" | "own" | "friends" | "allow" | "deny">): boolean {
  if (terms.deny.includes(peer)) return false;
  const requesterTier = requesterTierOf(peer, terms);
  if (requesterTier === "own") return true;
  if (terms.allow.length > 0) return terms.allow.includes(peer);
  return terms.who === "anyone" || (terms.who === "friends" && requesterTier === "friend");
}
