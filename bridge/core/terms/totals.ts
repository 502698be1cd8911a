import { z } from "zod";
import type { ChunkSpec } from "../plan/chunk.ts";

const Amount = z.number().min(0);

/** Donated work in a period. */
export const DonatedWork = z.strictObject({
  chunks: Amount,
  /** Frames; a tile counts as its share of one. */
  frames: Amount,
  /** Of busy render slots. */
  seconds: Amount,
  /** If this machine reports its energy use; undefined otherwise. */
  joules: Amount.optional(),
});
export type DonatedWork = Readonly<z.infer<typeof DonatedWork>>;

/** Donated work of the given day, and in total. */
export const Totals = z.strictObject({
  /** The day of `today` in local time: "2026-11-23". */
  day: z.string().max(10),
  today: DonatedWork,
  ever: DonatedWork,
});
export type Totals = Readonly<z.infer<typeof Totals>>;

const NOTHING: DonatedWork = { chunks: 0, frames: 0, seconds: 0, joules: undefined };

export function noTotals(day: string): Totals {
  return { day, today: NOTHING, ever: NOTHING };
}

/** The totals after some more was given. */
export function addWork(totals: Totals, day: string, more: DonatedWork): Totals {
  const today = totals.day === day ? totals.today : NOTHING;
  return { day, today: sum(today, more), ever: sum(totals.ever, more) };
}

/** What a finished chunk adds. */
export function workOfChunk(spec: ChunkSpec, seconds: number): DonatedWork {
  const share = spec.kind === "files" ? 1 : (spec.rect.width * spec.rect.height) / (spec.width * spec.height);
  return { chunks: 1, frames: share, seconds, joules: undefined };
}

/** Energy alone. */
export function energyContribution(joules: number): DonatedWork {
  return { ...NOTHING, joules };
}

function sum(a: DonatedWork, b: DonatedWork): DonatedWork {
  return {
    chunks: a.chunks + b.chunks,
    frames: a.frames + b.frames,
    seconds: a.seconds + b.seconds,
    joules: a.joules === undefined ? b.joules : a.joules + (b.joules ?? 0),
  };
}
