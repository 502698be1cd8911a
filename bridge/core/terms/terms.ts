import type { Schedule } from "./schedule.ts";

/** How much of the machine's cores, as the owner wrote it. */
export type CoreShare =
  | { readonly kind: "count"; readonly cores: number }
  | { readonly kind: "share"; readonly share: number }
  /** For each slot: as many Blenders, as often so many threads. */
  | { readonly kind: "each"; readonly cores: number };

/** What an owner gives, when, and to whom. All of it may change while work runs. */
export interface Terms {
  /** For all render slots together, unless said otherwise; undefined: every core but one. */
  readonly cores: CoreShare | undefined;
  /** For all render slots together; undefined: what the machine can spare. */
  readonly memoryBytes: number | undefined;
  /** Scenes and results kept on this disk. */
  readonly diskBytes: number;
  readonly gpus: "none" | "all" | readonly string[];
  /** Chunks at the same time; undefined: one, or as many as fit on the GPUs that are given. */
  readonly slots: number | undefined;
  readonly uploadBytesPerSecond: number | undefined;
  readonly downloadBytesPerSecond: number | undefined;
  readonly schedule: Schedule;
  /** How long a chunk may go on after the schedule has closed. */
  readonly overtimeMs: number;
  /** Work is done only when nobody has touched the machine for so long. */
  readonly idleMs: number | undefined;
  /** Work stops when others use more than this share of all cores. */
  readonly maxOthersLoad: number | undefined;
  readonly notOnBattery: boolean;
  /** Work stops while one of these programs runs (compared without case). */
  readonly yieldTo: readonly string[];
  readonly maxCelsius: number | undefined;
  readonly maxWatts: number | undefined;
  readonly who: "anyone" | "friends" | "own";
  /** Peer ids of the owner's other machines: first in line. */
  readonly own: readonly string[];
  /** Peer ids that come before strangers. */
  readonly friends: readonly string[];
  /** When there are any: nobody else may come but these, and the owner's own. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** What the owner lets in of others: digests of environments, peer ids whose signature counts, `any`, `ask`. */
  readonly environments: readonly string[];
}

/** What a machine gives whose owner said nothing. */
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

/** While only-when-idle is asked for and no other number is given. */
export const IDLE_OTHERS_LOAD = 0.5;

/** What of this machine the terms are reckoned from. */
export interface MachineSize {
  readonly cores: number;
  readonly memoryBytes: number;
}

/** What one render slot may use. */
export interface SlotSize {
  readonly threads: number;
  readonly memoryBytes: number;
}

/** The owner's own work keeps at least this much memory when no number is given. */
const OWNERS_MEMORY = { share: 0.1, leastBytes: 2 ** 30 } as const;

/** One slot's part of what is given: never less than a thread. */
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

/** How close a peer is to the owner: the order in which work waits for a slot. */
export type RequesterTier = "own" | "friend" | "stranger";

export function requesterTierOf(peer: string, terms: Pick<Terms, "own" | "friends">): RequesterTier {
  if (terms.own.includes(peer)) return "own";
  return terms.friends.includes(peer) ? "friend" : "stranger";
}

/** Whether a peer may come at all; `deny` wins over everything. */
export function isWelcome(peer: string, terms: Pick<Terms, "who" | "own" | "friends" | "allow" | "deny">): boolean {
  if (terms.deny.includes(peer)) return false;
  const requesterTier = requesterTierOf(peer, terms);
  if (requesterTier === "own") return true;
  if (terms.allow.length > 0) return terms.allow.includes(peer);
  return terms.who === "anyone" || (terms.who === "friends" && requesterTier === "friend");
}
