/**
 * Bounds on what is known of a scene, in whatever form it comes: from Blender's inspection, or from the journal. Sizes, names
 * and frames are Blender's own: 65,536 px a side, ids of 255 bytes (63 before 5.0), frames up to 1,048,574 (MAXFRAME).
 */
export const FACTS_LIMITS = {
  maxSidePx: 65_536,
  maxFrame: 1_048_574,
  maxFrames: 1_048_575,
  maxScenes: 1_000,
  maxSceneFramesPerFrame: 1_000,
  maxLayers: 1_000,
  maxViews: 100,
  maxReasons: 1_000,
  maxWarnings: 100_100,
  maxOutputs: 10_000,
  maxListedOutputs: 10_000,
  maxDigits: 1_024,
  maxNameChars: 300,
  maxMessageChars: 10_000,
  maxPathChars: 8_192,
  maxMemoryBytes: 2 ** 50,
} as const;
