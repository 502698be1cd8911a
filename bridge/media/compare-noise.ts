import type { Rect } from "../core/job/scene-facts.ts";
import { type Luminance, type NoiseMeasurement, noiseTest } from "../core/verify/noise.ts";
import { channelNames } from "./exr/header.ts";
import { readRectangle } from "./exr/read-rectangle.ts";
import { toPictureArea, openPlaced, type PlacedPicture } from "./placed-picture.ts";

/** Rec. 709 weights: Blender's default linear space. */
const WEIGHTS = { R: 0.2126, G: 0.7152, B: 0.0722 } as const;

/** The R test holds five copies of the rectangle in memory; it is meant for crops. */
const MAX_NOISE_PIXELS = 1024 * 1024;

/** The R test on the combined pass: the worst of all layers and views; undefined for a picture without one. */
export function compareNoise(request: {
  readonly result: PlacedPicture;
  readonly reference: PlacedPicture;
  readonly rect: Rect;
  readonly halves: readonly [PlacedPicture, PlacedPicture];
}): NoiseMeasurement | undefined {
  const { rect, halves } = request;
  if (rect.width * rect.height > MAX_NOISE_PIXELS) throw new RangeError("the R test takes crops, not frames");
  const stems = combinedStems(request.reference);
  const [result, reference, first, second] = [request.result, request.reference, ...halves].map((picture) =>
    luminances(picture, rect, stems),
  );
  const verdicts = stems.map((stem) =>
    noiseTest({
      width: rect.width,
      height: rect.height,
      result: of(result, stem),
      reference: of(reference, stem),
      halves: [of(first, stem), of(second, stem)],
    }),
  );
  return verdicts.length === 0 ? undefined : verdicts.reduce(worseOf);
}

function worseOf(a: NoiseMeasurement, b: NoiseMeasurement): NoiseMeasurement {
  return { r: Math.max(a.r, b.r), outliers: a.outliers + b.outliers, quietPixels: a.quietPixels + b.quietPixels };
}

/** "Layer.Combined." or "Layer.Combined.view." of each layer and view. */
function combinedStems(picture: PlacedPicture): string[] {
  using file = openPlaced(picture);
  return channelNames(file.header).flatMap((name) => /^(.*\.Combined\.(?:.*\.)?)R$/.exec(name)?.[1] ?? []);
}

function luminances(picture: PlacedPicture, rect: Rect, stems: readonly string[]): Map<string, Luminance> {
  using file = openPlaced(picture);
  const names = stems.flatMap((stem) => Object.keys(WEIGHTS).map((channel) => stem + channel));
  const planes = readRectangle(file, toPictureArea(picture, rect), names);
  return new Map(stems.map((stem) => [stem, luminance(planes, stem, rect.width * rect.height)]));
}

/** A missing channel counts as black, so that the test fails. */
function luminance(planes: ReadonlyMap<string, Uint32Array>, stem: string, pixels: number): Luminance {
  const sum = new Float64Array(pixels);
  for (const [channel, weight] of Object.entries(WEIGHTS)) {
    const bits = planes.get(stem + channel) ?? new Uint32Array(pixels);
    const values = new Float32Array(bits.buffer, bits.byteOffset, bits.length);
    for (let at = 0; at < pixels; at++) sum[at] = (sum[at] ?? 0) + weight * (values[at] ?? 0);
  }
  return sum;
}

function of(byStem: ReadonlyMap<string, Luminance> | undefined, stem: string): Luminance {
  return byStem?.get(stem) ?? new Float64Array(0);
}
