import type { LastSamples } from "../core/denoise/sample-counts.ts";
import type { Rect } from "../core/job/scene-facts.ts";

/** The expected shape of a raw result, known before a byte of it is read. */
export interface FloatExpectation {
  /** Size of the picture in the file: that of the requested rectangle. */
  readonly width: number;
  readonly height: number;
  /** Hard cap of the file's size and of its decoded floats, in bytes: width x height x channels x 4, and some. */
  readonly maxBytes: number;
  /** Channel names of this scene frame's first accepted result; undefined for the first. */
  readonly channels?: readonly string[];
}

/** What the structural gate found in a raw result. */
export interface FloatSummary {
  /** Full channel names "Layer.Pass.Chan" or "Layer.Pass.view.Chan", sorted, without composite channels. */
  readonly channels: readonly string[];
  /** Allowed string attributes (cryptomatte/*, cycles.*). */
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
  /** With `r`: noise-free pixels (`quietPixels`) in which the result differs. */
  readonly outliers?: number;
  readonly quietPixels?: number;
}

/** The assembled EXR of one scene frame: created once, written by position. */
export interface AssembledSpec {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly channels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** A paste of (a crop of) a result into an assembled file. All y up; converted to rows by the media room. */
export interface PasteRequest {
  readonly resultPath: string;
  readonly target: AssembledSpec;
  /** The result's rectangle, its crop, and the assembled picture's rectangle: all in full-frame coordinates. */
  readonly resultRect: Rect;
  readonly tileRect: Rect;
  readonly region: Rect;
  /** Its channels of relative sample counts, which are pasted as absolute ones. */
  readonly lastSamples?: LastSamples;
}

/** An assembled file that is made of another one. */
export interface DeriveRequest {
  /** Path of an assembled file. */
  readonly from: string;
  readonly to: AssembledSpec;
  /** Channels of absolute sample counts, which become relative to this number of samples. */
  readonly relative: Readonly<Record<string, number>>;
}
