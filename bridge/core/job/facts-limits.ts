import { FRAME_LIMITS } from "./frame-limits.ts";

/**
 * Limits on scene facts, from Blender's inspection or from the journal. Names are
 * Blender's own: ids of 255 bytes (63 before 5.0).
 */
export const FACTS_LIMITS = {
  maxFrames: FRAME_LIMITS.maxFrame + 1,
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
