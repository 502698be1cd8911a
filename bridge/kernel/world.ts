import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "./time/clock.ts";
import { type Disk, systemDisk } from "./disk.ts";

/** Timers. */
export interface Timers {
  /** Calls `then` once, after `ms`; returns a cancel function. */
  after(ms: number, then: () => void): () => void;
}

export interface Random {
  /** From 0 to below 1, predictable: not for secrets. */
  fraction(): number;
  /** Unpredictable bytes: for names, secrets and tokens. */
  bytes(count: number): Buffer;
}

/**
 * What decision code and protocols use of the machine: clock, timers, randomness and files. The wiring
 * passes it in, so that a whole farm can run in one process with virtual time and a disk in memory.
 */
export interface World {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly disk: Disk;
}

/** The part that a wait with a limit needs. */
export type Time = Pick<World, "clock" | "timers">;

const systemTimers: Timers = {
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};

/** The real machine; only adapters and the wiring use it. */
export const systemWorld: World = {
  clock: systemClock,
  timers: systemTimers,
  random: { fraction: () => Math.random(), bytes: (count) => randomBytes(count) },
  disk: systemDisk,
};
