import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { FRAME_LIMITS } from "./frame-limits.ts";

const SCRIPT = new URL("../../blender/scripts/p2p_blender/render/chunk_settings.py", import.meta.url);

it("a donor's Blender holds a chunk to the bounds that its schema has", () => {
  const [, side, frame] = /^MIN_SIDE, MAX_SIDE, LAST_FRAME = \d+, ([\d_]+), ([\d_]+)$/m.exec(readFileSync(SCRIPT, "utf8")) ?? [];
  const number = (text = "") => Number(text.replaceAll("_", ""));
  expect({ maxSidePx: number(side), maxFrame: number(frame) }).toEqual({
    maxSidePx: FRAME_LIMITS.maxSidePx,
    maxFrame: FRAME_LIMITS.maxFrame,
  });
});
