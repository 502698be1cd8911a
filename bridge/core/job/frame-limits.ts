/**
 * Blender's own bounds of what it renders: a side of 65,536 px, frames up to 1,048,574 (MAXFRAME) before and after 0. Every number
 * of this kind that comes from outside is checked against them.
 */
export const FRAME_LIMITS = { maxSidePx: 65_536, maxFrame: 1_048_574, maxSamples: 2 ** 31 - 1 } as const;
