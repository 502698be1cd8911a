import type { VerifyLevel, DeliveryMode } from "../../core/job/option-schemas.ts";

import { Random } from "../random.ts";

import type { Troubles } from "./fake-donor.ts";

/** A job generated from a seed: its shape, its donors, and its failures. */
export interface Story {
  readonly seed: number;
  readonly frames: number;
  readonly tiles: number;
  readonly kind: "raw" | "files";
  /** All results have the same content. */
  readonly equal: boolean;
  /** All frames share one scene frame. */
  readonly shared: boolean;
  readonly movie: boolean;
  readonly inOrder: boolean;
  /** If raw frames are delivered, the client finishes them. */
  readonly deliver: DeliveryMode;
  /** Frames are finished in the requested order. */
  readonly inTurn: boolean;
  readonly verify: VerifyLevel;
  /** Which results are spot-checked: the first ones of each donor, then one in so many. */
  readonly spot: { readonly first: number; readonly oneIn: number };
  readonly donors: readonly { readonly id: string; readonly trusted: boolean; readonly slots: number; readonly troubles: Troubles }[];
  /** Each once in so many steps; 0: never. */
  readonly events: Readonly<Record<"gone" | "stand" | "pause" | "secondLink" | "cancel" | "crash", number>>;
  /** Once in so many steps time advances although other steps are possible. */
  readonly tickOneIn: number;
  /** A check fails once in so many times; 0: never. */
  readonly checkFails: number;
  /** One in so many frames cannot be finished; 0: none. */
  readonly finishingFails: number;
}

const HONEST: Troubles = { crashes: 0, losesTransfers: 0, lies: false };

/** The story of a seed: up to four chunks and three donors. */
export function storyOf(seed: number): Story {
  const chance = new Random(seed);
  const pick = <T>(...of: readonly T[]) => of[chance.below(of.length)] as T;
  const shape = shapeOf(chance);
  const isCalm = chance.oneIn(3);
  const now = (count: number) => (isCalm || chance.oneIn(2) ? 0 : count);
  const verify = pick<VerifyLevel>("off", "spot", "spot", "full");
  const checkFails = now(5);
  // A job resumed after a crash keeps unchecked results of a dishonest donor, and if checks may fail, its next result
  // may be accepted: those are other invariants, checked elsewhere.
  const mayLie = verify !== "off" && checkFails === 0 && chance.oneIn(3);
  return {
    seed,
    ...shape,
    verify,
    // The first result of a dishonest donor is always checked.
    spot: { first: mayLie ? 1 + chance.below(2) : chance.below(3), oneIn: pick(2, 10) },
    checkFails,
    equal: chance.oneIn(2),
    donors: donorsOf(chance, now, mayLie),
    events: {
      gone: now(20),
      stand: now(15),
      pause: now(20),
      secondLink: now(25),
      cancel: rarely(!mayLie && !isCalm && chance.oneIn(5), 30),
      crash: rarely(!mayLie && chance.oneIn(4), 25),
    },
    tickOneIn: pick(2, 6, 12, 40),
    finishingFails: rarely(!isCalm && chance.oneIn(6), 3),
    deliver: deliverOf(shape, chance),
    inTurn: chance.oneIn(6),
  };
}

function shapeOf(chance: Random): Pick<Story, "frames" | "tiles" | "kind" | "shared" | "movie" | "inOrder"> {
  const SHAPES = [
    [1, 1],
    [1, 2],
    [1, 4],
    [2, 1],
    [2, 2],
    [3, 1],
    [4, 1],
  ] as const;
  const [frames, tiles] = SHAPES[chance.below(SHAPES.length)] ?? [1, 1];
  const isWhole = tiles === 1;
  if (isWhole && chance.oneIn(4)) return { frames, tiles, kind: "files", shared: false, movie: false, inOrder: chance.oneIn(6) };
  const shared = frames > 1 && chance.oneIn(6);
  return { frames, tiles, kind: "raw", shared, movie: chance.oneIn(6), inOrder: isWhole && chance.oneIn(6) };
}

function deliverOf({ kind, movie }: Pick<Story, "kind" | "movie">, chance: Random): DeliveryMode {
  return kind === "raw" && !movie && chance.oneIn(6) ? "raw" : "files";
}

function rarely(happens: boolean, oneIn: number): number {
  return happens ? oneIn : 0;
}

function donorsOf(chance: Random, now: (count: number) => number, mayLie: boolean): Story["donors"] {
  const hasLocal = chance.oneIn(2);
  const remotes = hasLocal ? chance.below(3) : 1 + chance.below(3);
  const remote = (index: number) => ({
    id: `d${index}`,
    trusted: false,
    slots: 1 + chance.below(2),
    troubles: { crashes: now(6), losesTransfers: now(4), lies: mayLie && index === 0 },
  });
  const local = hasLocal ? [{ id: "local", trusted: true, slots: 1, troubles: HONEST }] : [];
  return [...local, ...Array.from({ length: remotes }, (_, index) => remote(index))];
}
