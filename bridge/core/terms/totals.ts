import { z } from "zod";
import type { ChunkSpec } from "../plan/chunk.ts";

const Amount = z.number().min(0);

/** Donated work in a period. */
export const Given = z.strictObject({
  chunks: Amount,
  /** Frames; a tile counts as its share of one. */
  frames: Amount,
  /** Of busy render slots. */
  seconds: Amount,
  /** If this machine reports its energy use; undefined otherwise. */
  joules: Amount.optional(),
});
export type Given = Readonly<z.infer<typeof Given>>;

/** Donated work of the given day, and in total. */
export const Totals = z.strictObject({
  /** The day of `today` in local time: "2026-11-23". */
  day: z.string().max(10),
  today: Given,
  ever: Given,
});
export type Totals = Readonly<z.infer<typeof Totals>>;

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
