import { FRAME_LIMITS } from "../../core/job/frame-limits.ts";

/** Limits on every number in an untrusted EXR. */
export const EXR_LIMITS = {
  /** All headers together. Cryptomatte manifests of scenes with tens of thousands of objects need several MiB. */
  maxHeaderBytes: 16 * 1024 * 1024,
  /** One allowed string attribute. */
  maxStringBytes: 8 * 1024 * 1024,
  maxAttributesPerPart: 512,
  maxParts: 1024,
  /** Over all parts. */
  maxChannels: 1024,
  /** Bytes of an attribute's, a type's or a channel's name: OpenEXR's own bound for long names. */
  maxNameBytes: 255,
  /** Width or height of a picture, and how far its window may lie from the origin. */
  maxSizePixels: FRAME_LIMITS.maxSidePx,
  /** Over all parts: their offsets are held in memory (8 bytes each). */
  maxChunks: 1_000_000,
  /** One decoded chunk (16 scanlines of ZIP): 8K with 480 float channels. */
  maxChunkBytes: 256 * 1024 * 1024,
} as const;
