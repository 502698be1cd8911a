/** One picture's luminance, row after row. */
export type Luminance = Float64Array;

export interface NoiseInput {
  readonly width: number;
  readonly height: number;
  /** The result under test. */
  readonly result: Luminance;
  /** The checker's own render: same seed, same samples. */
  readonly reference: Luminance;
  /** The reference's two halves of samples. */
  readonly halves: readonly [Luminance, Luminance];
}

export interface NoiseMeasurement {
  /** 0: identical; 1: as far away as an independent render; (1/f-1)/2: made with the fraction f of the samples. */
  readonly r: number;
  /** Noise-free pixels in which the result differs. */
  readonly outliers: number;
  /** Noise-free pixels. */
  readonly quietPixels: number;
}

/** Parameters of the R test, from its measurements: variance pooled over 5x5, one pixel counts 9 at most. */
const R_TEST = { poolRadius: 2, maxTerm: 9, relativeFloor: 1e-8, outlierSigmas: 8, outlierTolerance: 1e-3 } as const;

/**
 * The variance-normalised difference of a result to its reference: how much error a donor added, in
 * units of the render's own noise.
 */
export function noiseTest(input: NoiseInput): NoiseMeasurement {
  const pooled = pooledVariance(input);
  let sum = 0;
  let outliers = 0;
  let quietPixels = 0;
  for (let at = 0; at < pooled.length; at++) {
    const r = input.reference[at] ?? 0;
    const y = input.result[at] ?? 0;
    const variance = pooled[at] ?? 0;
    const floor = R_TEST.relativeFloor * (1 + r * r);
    const quiet = !(variance > floor);
    if (quiet) quietPixels++;
    if (Object.is(y, r)) continue; // also NaN in both
    const difference = Math.abs(y - r);
    const term = (difference * difference) / (2 * Math.max(variance, floor));
    sum += Number.isFinite(term) ? Math.min(R_TEST.maxTerm, term) : R_TEST.maxTerm;
    const tolerance = R_TEST.outlierSigmas * Math.sqrt(floor) + R_TEST.outlierTolerance * (1 + Math.abs(r));
    if (quiet && !(difference <= tolerance)) outliers++;
  }
  return { r: sum / pooled.length, outliers, quietPixels };
}

/** The variance of the mean of both halves, (A-B)^2/4, averaged over 5x5 pixels (fewer at the edge). */
function pooledVariance({ width, height, halves: [a, b] }: NoiseInput): Float64Array {
  const pooled = new Float64Array(width * height);
  const { poolRadius } = R_TEST;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      let count = 0;
      for (let v = Math.max(0, y - poolRadius); v <= Math.min(height - 1, y + poolRadius); v++) {
        for (let u = Math.max(0, x - poolRadius); u <= Math.min(width - 1, x + poolRadius); u++) {
          const difference = (a[v * width + u] ?? 0) - (b[v * width + u] ?? 0);
          sum += (difference * difference) / 4;
          count++;
        }
      }
      pooled[y * width + x] = sum / count;
    }
  }
  return pooled;
}
