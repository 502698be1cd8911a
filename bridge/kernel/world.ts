import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "./clock.ts";
import { type Disk, systemDisk } from "./disk.ts";

/** Calls that come later. */
export interface Timers {
  /** Calls `then` once, after `ms`; returns how not to. */
  after(ms: number, then: () => void): () => void;
}

export interface Random {
  /** From 0 on, below 1: for choices that nobody need be kept from foreseeing. */
  fraction(): number;
  /** Bytes that nobody can foresee: for names, secrets and tokens. */
  bytes(count: number): Buffer;
}

/**
 * All that decides and speaks asks of the machine: what time it is, to be called later, chance, and files. The wiring
 * hands it in, so that a whole farm can run in one process, on time that a test moves and on a disk in memory.
 */
export interface World {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly disk: Disk;
}

/** What a wait with a limit needs. */
export type Time = Pick<World, "clock" | "timers">;

const systemTimers: Timers = {
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};

/** The machine itself; only adapters and the wiring take it. */
export const systemWorld: World = {
  clock: systemClock,
  timers: systemTimers,
  random: { fraction: () => Math.random(), bytes: (count) => randomBytes(count) },
  disk: systemDisk,
};
