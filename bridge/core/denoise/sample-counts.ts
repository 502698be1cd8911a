import type { SceneRenderFacts } from "../job/scene-facts.ts";
import { channelsOf } from "./pass-names.ts";
import { COUNT_PASS } from "./final-channels.ts";

/**
 * Cycles' Debug Sample Count is relative: count * (1 / the sample at which that render stopped). With adaptive sampling tiles stop earlier
 * than their frame, each elsewhere, so tiles are pasted as absolute counts.
 */

/** The sample at which each count channel of a picture stopped; null where its renderer did not say. */
export type LastSamples = Readonly<Record<string, number | null>>;

/** The count channels of a tile of this scene, with what its renderer said: one number a view of a view layer, in their order. */
export function lastSamplesOf(
  { adaptive, viewLayers, views }: Pick<SceneRenderFacts, "adaptive" | "viewLayers" | "views">,
  channels: readonly string[],
  said: readonly number[] | undefined,
): LastSamples {
  if (!adaptive) return {};
  const here = new Set(channels);
  const layerViews = viewLayers.flatMap((layer) => views.map((view) => ({ layer, view })));
  const known = said?.length === layerViews.length ? said : [];
  return Object.fromEntries(
    layerViews.flatMap((layerView, at) =>
      channelsOf(layerView, COUNT_PASS)
        .filter((name) => here.has(name))
        .map((name) => [name, known[at] ?? null] as const),
    ),
  );
}

/** A pixel's samples, of its share of the last one. */
export function absoluteCount(share: number, last: number): number {
  return Math.round(share * last);
}

/** What Cycles shows of a pixel's samples where its render stopped at `last` (pass_accessor.cpp). */
export function relativeCount(count: number, last: number): number {
  return Math.fround(count * Math.fround(1 / last));
}

/** Beyond what anybody renders: the search ends. */
const MOST_SAMPLES = 65_536;

function fits(shares: Iterable<number>, last: number): boolean {
  for (const share of shares) {
    const count = absoluteCount(share, last);
    if (count < 1 || count > last || relativeCount(count, last) !== share) return false;
  }
  return true;
}

/** The least number of samples of which all shares are whole counts, or the most that anybody renders. */
export function leastLastSample(shares: ReadonlySet<number>): number {
  for (let last = 1; last < MOST_SAMPLES; last++) if (fits(shares, last)) return last;
  return MOST_SAMPLES;
}
