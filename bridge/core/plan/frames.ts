import { FarmError } from "../../kernel/errors.ts";
import { FRAME_LIMITS } from "../job/frame-limits.ts";

/** Limits of a list of frames. */
export const FRAME_LIST_LIMITS = { maxFrames: 100_000, maxTextLength: 65_536 } as const;

/** The scene's range, which `+N` and `-N` refer to. */
export interface FrameRange {
  readonly start: number;
  readonly end: number;
}

const BLENDER_PART = /^([+-]?\d+)(?:\.\.([+-]?\d+))?(?:x(\d+))?$/;
const DASHED_PART = /^(\d+)-(\d+)(?:x(\d+))?$/;

/**
 * Reads a list of frames as Blender's `-f` does: `1,3,5..9`; `+N` counts from the scene's first frame
 * (`+0` is the first), `-N` from its last (`-1` is the last), so `-5..-1` are the last five. Beyond Blender:
 * `1-20`, and a step, `1-20x2` or `1..20x2`. A frame named twice is rendered once; order is kept.
 *
 * Without `range`, relative frames are refused. Throws FRAMES_INVALID, naming the invalid part.
 */
export function parseFrames(text: string, range?: FrameRange): number[] {
  if (text.length > FRAME_LIST_LIMITS.maxTextLength) throw invalid("the list", "is too long", text.slice(0, 40));
  const frames = new Set<number>();
  for (const part of text.split(",")) addPart(part.trim(), range, frames);
  return [...frames];
}

function addPart(part: string, range: FrameRange | undefined, frames: Set<number>): void {
  if (part === "") throw invalid("the list", "has an empty part", part);
  const [, from, to, stride] = BLENDER_PART.exec(part) ?? DASHED_PART.exec(part) ?? [];
  if (from === undefined) throw invalid(`"${part}"`, "is no frame or range of frames", part);
  const first = resolve(from, part, range);
  const last = to === undefined ? first : resolve(to, part, range);
  if (last < first) throw invalid(`"${part}"`, "runs backwards", part);
  addRange({ first, last, step: stride === undefined ? 1 : Number(stride) }, part, frames);
}

function addRange({ first, last, step }: Record<"first" | "last" | "step", number>, part: string, frames: Set<number>): void {
  if (step < 1) throw invalid(`"${part}"`, "has a step of 0", part);
  for (let frame = first; frame <= last; frame += step) {
    frames.add(frame);
    if (frames.size > FRAME_LIST_LIMITS.maxFrames)
      throw invalid(`"${part}"`, `makes more than ${FRAME_LIST_LIMITS.maxFrames} frames`, part);
  }
}

const { maxFrame } = FRAME_LIMITS;

function resolve(text: string, part: string, range: FrameRange | undefined): number {
  const relative = text.startsWith("+") || text.startsWith("-");
  if (relative && range === undefined) throw invalid(`"${part}"`, "counts from the scene's range, which is not known here", part);
  const frame =
    !relative || range === undefined
      ? Number(text)
      : text.startsWith("+")
        ? range.start + Number(text.slice(1))
        : range.end - Number(text.slice(1)) + 1;
  if (Math.abs(frame) > maxFrame) throw invalid(`"${part}"`, `is outside Blender's range of frames, ${-maxFrame} to ${maxFrame}`, part);
  return frame;
}

function invalid(what: string, why: string, part: string): FarmError {
  return new FarmError("FRAMES_INVALID", `the frames cannot be read: ${what} ${why}`, { facts: { part } });
}
