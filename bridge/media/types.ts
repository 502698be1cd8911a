import type { Rect } from "../core/job/scene-facts.ts";

/** What a float result must be, known before a byte of it is read. */
export interface FloatExpectation {
  /** Size of the picture in the file: the rectangle that was asked for. */
  readonly width: number;
  readonly height: number;
  /** Hard cap of the file's size and of its decoded floats, in bytes: width x height x channels x 4, and some. */
  readonly maxBytes: number;
  /** Channel names the first verified result of this unit had; undefined for the first. */
  readonly channels?: readonly string[];
}

/** What the structural gate learned of a float result. */
export interface FloatSummary {
  /** Full channel names "Layer.Pass.Chan" or "Layer.Pass.view.Chan", sorted, without composite channels. */
  readonly channels: readonly string[];
  /** Whitelisted string attributes (cryptomatte/*, cycles.*). */
  readonly attributes: Readonly<Record<string, string>>;
  /** How many values are NaN or infinite. */
  readonly nonFinite: number;
}

/** How two equal-sized float pictures differ inside a rectangle. */
export interface FloatDifference {
  /** Pixels in which some channel differs in some bit. */
  readonly differingPixels: number;
  readonly pixels: number;
  /** Largest absolute difference of any channel. */
  readonly maxDifference: number;
  /** The R statistic over combined luminance, when two half renders are given; else undefined. */
  readonly r: number | undefined;
  /** With `r`: pixels without noise (`quietPixels`) in which the result is off all the same. */
  readonly outliers?: number;
  readonly quietPixels?: number;
}

/** The assembled EXR of one unit: laid out once, written by position. */
export interface AssembledSpec {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly channels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** A paste of (a part of) a result into an assembled file. All y up; the media room turns them. */
export interface PasteRequest {
  readonly resultPath: string;
  readonly target: AssembledSpec;
  /** The result's own rectangle, the part of it to keep, and the assembled picture's rectangle: all in full-frame coordinates. */
  readonly resultRect: Rect;
  readonly tileRect: Rect;
  readonly region: Rect;
}
