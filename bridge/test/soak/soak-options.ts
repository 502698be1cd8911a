import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";

const Count = z.coerce.number().int().min(0).max(1_000_000);
/** The largest random seed. */
const Seed = z.coerce.number().int().min(0).max(2_000_000_000);
const Minutes = z.coerce
  .number()
  .positive()
  .max(60 * 24);

const Options = z.strictObject({
  jobs: Count.optional(),
  minutes: Minutes.optional(),
  seed: Seed.optional(),
  story: z.string().min(1).optional(),
  "shrink-runs": Count.default(10),
  work: z.string().min(1).optional(),
  ci: z.boolean().default(false),
});

export interface SoakOptions {
  readonly jobs: number;
  readonly minutes: number;
  /** Undefined: a random one. */
  readonly seed: number | undefined;
  /** A file with one story to play again. */
  readonly story: string | undefined;
  /** Stories that may be tried to make a failed one smaller. */
  readonly shrinkRuns: number;
  readonly work: string;
  readonly ci: boolean;
}

export const USAGE = `npm run soak -- [--jobs N] [--minutes M] [--seed N] [--story FILE] [--shrink-runs N] [--work DIR] [--ci]
  --jobs, --minutes  no job begins after so many, or so long (300 and 60)
  --seed             begins with this story, and plays it alone unless --jobs says more
  --story            plays the story of this file
  --shrink-runs      tries so many smaller stories of each failed one (10)
  --work             where it works; scenes and references stay there for the next soak
  --ci               the same stories for half of the time, fresh ones for the other (5 minutes)`;

/** Throws a TypeError or a ZodError for invalid options. */
export function soakOptions(argv: readonly string[]): SoakOptions {
  const text = { type: "string" } as const;
  const options = {
    jobs: text,
    minutes: text,
    seed: text,
    story: text,
    "shrink-runs": text,
    work: text,
    ci: { type: "boolean" },
  } as const;
  const { jobs, minutes, seed, story, work, ci, ...rest } = Options.parse(parseArgs({ args: [...argv], options }).values);
  return {
    jobs: jobs ?? (seed === undefined ? 300 : 1),
    minutes: minutes ?? (ci ? 5 : 60),
    seed,
    story,
    shrinkRuns: rest["shrink-runs"],
    work: resolve(work ?? join(tmpdir(), "p2p-soak")),
    ci,
  };
}
