import type { ChunkSpec } from "../plan/chunk.ts";

/** Work given in some time. */
export interface Given {
  readonly chunks: number;
  /** Whole frames; a tile is its share of one. */
  readonly frames: number;
  /** Of render slots at work. */
  readonly seconds: number;
  /** As far as this machine tells what it uses; undefined: it does not. */
  readonly joules: number | undefined;
}

/** Work given on the day named, and ever. */
export interface Totals {
  /** The day of `today` on this machine's wall: "2026-11-23". */
  readonly day: string;
  readonly today: Given;
  readonly ever: Given;
}

const NOTHING: Given = { chunks: 0, frames: 0, seconds: 0, joules: undefined };

export function noTotals(day: string): Totals {
  return { day, today: NOTHING, ever: NOTHING };
}

/** The totals after some more was given. */
export function withMore(totals: Totals, day: string, more: Given): Totals {
  const today = totals.day === day ? totals.today : NOTHING;
  return { day, today: sum(today, more), ever: sum(totals.ever, more) };
}

/** What a finished chunk adds. */
export function givenBy(spec: ChunkSpec, seconds: number): Given {
  const share = spec.kind === "files" ? 1 : (spec.rect.width * spec.rect.height) / (spec.width * spec.height);
  return { chunks: 1, frames: share, seconds, joules: undefined };
}

/** Energy alone. */
export function joulesGiven(joules: number): Given {
  return { ...NOTHING, joules };
}

function sum(a: Given, b: Given): Given {
  return {
    chunks: a.chunks + b.chunks,
    frames: a.frames + b.frames,
    seconds: a.seconds + b.seconds,
    joules: a.joules === undefined ? b.joules : a.joules + (b.joules ?? 0),
  };
}
