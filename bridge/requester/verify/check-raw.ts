import type { Verdict } from "../../core/schedule/types.ts";
import type { Rect } from "../../core/job/scene-facts.ts";
import { verdictAgainstTwoReferences, worstVerdict } from "../../core/verify/two-references.ts";
import { type CropDifference, crossClassVerdict, sameClassVerdict } from "../../core/verify/verdict.ts";
import { childSignal } from "../../kernel/abort.ts";
import type { Time } from "../../kernel/world.ts";
import type { RawSpec, BlenderReuse, RenderBatch } from "./check-renders.ts";
import type { FalseAlarmCause } from "./false-alarm-reporter.ts";
import type { JobMedia, PlacedRaw } from "../ports.ts";

export interface RawUnderCheck {
  readonly spec: RawSpec;
  /** What of the result is kept. */
  readonly tileRect: Rect;
  readonly result: PlacedRaw;
  readonly crops: readonly Rect[];
  /** Pixels rendered around a crop and cut off. */
  readonly overscan: number;
}

export interface RawCheckTools {
  readonly time: Time;
  readonly renders: RenderBatch;
  readonly media: Pick<JobMedia, "compare">;
  /** Told before it costs more renders. */
  readonly doubted: () => void;
  /** Undefined: no tile is rendered whole again. */
  readonly wholeLookMs: number | undefined;
}

export interface CheckFinding {
  readonly verdict: Verdict;
  /** Why it is no lie, when it looked like one. */
  readonly cause?: FalseAlarmCause;
}

/** Looks at the crops of a result that was made on another device class. */
export async function verifyCropsWithinNoise(under: RawUnderCheck, tools: RawCheckTools, signal: AbortSignal): Promise<CheckFinding> {
  const first = await weigh(under, tools, { freshness: "warm", signal });
  if (first !== "different") return { verdict: first };
  tools.doubted();
  const second = await weigh(under, tools, { freshness: "fresh", signal });
  return second === "different" ? { verdict: second } : { verdict: second, cause: "warm-blender" };
}

async function weigh(
  under: RawUnderCheck,
  { renders, media }: RawCheckTools,
  { freshness, signal }: { readonly freshness: BlenderReuse; readonly signal: AbortSignal },
): Promise<Verdict> {
  const weighed: { rect: Rect; difference: CropDifference }[] = [];
  for (const rect of under.crops) {
    const spec = { ...under.spec, rect: aroundCrop(under, rect) };
    const { result } = under;
    const reference = await renders.raw(spec, freshness, signal);
    let difference = await media.compare({ result, reference, rect }, signal);
    if (difference.differingPixels > 0) {
      const halves = [
        await renders.raw({ ...spec, half: "first" }, freshness, signal),
        await renders.raw({ ...spec, half: "second" }, freshness, signal),
      ] as const;
      difference = await media.compare({ result, reference, rect, halves }, signal);
    }
    weighed.push({ rect, difference });
  }
  return crossClassVerdict(weighed);
}

/** Looks at the crops of a result that must have the same bits. */
export async function verifyCropsBitExact(under: RawUnderCheck, tools: RawCheckTools, signal: AbortSignal): Promise<CheckFinding> {
  const findings: CheckFinding[] = [];
  for (const crop of under.crops) {
    const freshness = findings.some(({ cause }) => cause === "warm-blender") ? "fresh" : "warm";
    const found = await checkCrop(under, tools, { crop, freshness, signal });
    if (found.verdict === "different" || found.cause === "crop-is-not-tile") return found; // the last word on the whole of it
    findings.push(found);
  }
  const cause = findings.find((finding) => finding.cause)?.cause;
  return { verdict: worstVerdict(findings.map(({ verdict }) => verdict)), ...(cause && { cause }) };
}

async function checkCrop(
  under: RawUnderCheck,
  tools: RawCheckTools,
  { crop, freshness, signal }: { readonly crop: Rect; readonly freshness: BlenderReuse; readonly signal: AbortSignal },
): Promise<CheckFinding> {
  const spec = { ...under.spec, rect: aroundCrop(under, crop) };
  const first = await look(under, tools, { spec, rect: crop, freshness, signal });
  const verdict = sameClassVerdict(first.theirs);
  if (verdict !== "different") return { verdict };
  tools.doubted();
  const second = await look(under, tools, { spec, rect: crop, freshness: "fresh", signal });
  const again = sameClassVerdict(second.theirs);
  if (again !== "different") return { verdict: again, cause: "warm-blender" };
  const ours = await tools.media.compare({ result: second.ours, reference: first.ours, rect: crop }, signal);
  const ofTwo = verdictAgainstTwoReferences({ theirs: [first.theirs, second.theirs], ours });
  return ofTwo === "different" ? await checkWhole(under, tools, signal) : { verdict: ofTwo, cause: "own-noise" };
}

/**
 * A crop is not what a tile is (volumes, layers with data of their own): the tile itself is rendered by a fresh Blender, and
 * then once more by the same one, which has what it kept of the first, as a donor's has of the tiles before.
 */
async function checkWhole(under: RawUnderCheck, tools: RawCheckTools, signal: AbortSignal): Promise<CheckFinding> {
  if (tools.wholeLookMs === undefined) return { verdict: "different" };
  using limit = childSignal(signal, { ms: tools.wholeLookMs, time: tools.time });
  const whole = { spec: under.spec, rect: under.tileRect, signal: limit.signal } as const;
  try {
    const first = await look(under, tools, { ...whole, freshness: "fresh" });
    const verdict = sameClassVerdict(first.theirs);
    if (verdict !== "different") return { verdict, cause: "crop-is-not-tile" };
    const second = await look(under, tools, { ...whole, freshness: "warm" });
    const ours = await tools.media.compare({ result: second.ours, reference: first.ours, rect: under.tileRect }, limit.signal);
    const ofTwo = verdictAgainstTwoReferences({ theirs: [first.theirs, second.theirs], ours });
    return ofTwo === "different" ? { verdict: ofTwo } : { verdict: ofTwo, cause: "own-noise" };
  } catch (error) {
    if (signal.aborted || !limit.signal.aborted) throw error;
    return { verdict: "different" };
  }
}

interface Look {
  readonly spec: RawSpec;
  readonly rect: Rect;
  readonly freshness: BlenderReuse;
  readonly signal: AbortSignal;
}

async function look({ result }: RawUnderCheck, { renders, media }: RawCheckTools, { spec, rect, freshness, signal }: Look) {
  const ours = await renders.raw(spec, freshness, signal);
  return { ours, theirs: await media.compare({ result, reference: ours, rect }, signal) };
}

/** Denoising looks at the whole frame, so such a frame is rendered whole. */
function aroundCrop({ spec, overscan }: RawUnderCheck, crop: Rect): Rect {
  return spec.denoise === "in-render" ? spec.rect : grow(crop, overscan, spec.rect);
}

function grow(rect: Rect, by: number, bounds: Rect): Rect {
  const left = Math.max(bounds.x, rect.x - by);
  const bottom = Math.max(bounds.y, rect.y - by);
  const right = Math.min(bounds.x + bounds.width, rect.x + rect.width + by);
  const top = Math.min(bounds.y + bounds.height, rect.y + rect.height + by);
  return { x: left, y: bottom, width: right - left, height: top - bottom };
}
