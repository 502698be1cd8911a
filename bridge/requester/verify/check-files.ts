import type { Verdict } from "../../core/schedule/types.ts";
import type { RenderBatch } from "./check-renders.ts";
import type { FilesSpec } from "./check-renders.ts";
import type { FalseAlarmCause } from "./false-alarm-reporter.ts";
import type { JobMedia } from "../ports.ts";

/** Files by the names that Blender gave them. */
type Files = ReadonlyMap<string, string>;

export interface FilesUnderCheck {
  readonly spec: FilesSpec;
  readonly theirs: Files;
  readonly sameClass: boolean;
}

export interface FileCheckTools {
  readonly renders: RenderBatch;
  readonly media: Pick<JobMedia, "samePicture">;
  /** Told before it costs a second render. */
  readonly doubted: () => void;
}

/**
 * Final files are rendered again as a whole: equal pictures settle it. Inside a device class others are rendered once more
 * by a fresh Blender before they are a lie; across classes they are told and no more.
 */
export async function checkFiles(
  { spec, theirs, sameClass }: FilesUnderCheck,
  { renders, media, doubted }: FileCheckTools,
  signal: AbortSignal,
): Promise<{ readonly verdict: Verdict; readonly cause?: FalseAlarmCause }> {
  const first = await renders.outputs(spec, "warm", signal);
  const found = await compareFiles(first, theirs, { media, signal });
  if (found === "same") return { verdict: "equal" };
  if (found === "other pictures" && !sameClass) return { verdict: "warned" };
  doubted();
  const second = await renders.outputs(spec, "fresh", signal);
  if ((await compareFiles(second, theirs, { media, signal })) === "same") return { verdict: "equal", cause: "warm-blender" };
  if (found === "other pictures" && (await compareFiles(second, first, { media, signal })) === "other pictures")
    return { verdict: "warned", cause: "own-noise" };
  return { verdict: "different" };
}

async function compareFiles(
  ours: Files,
  theirs: Files,
  { media, signal }: { readonly media: Pick<JobMedia, "samePicture">; readonly signal: AbortSignal },
): Promise<"same" | "other pictures" | "other names"> {
  if (ours.size !== theirs.size || [...ours.keys()].some((name) => !theirs.has(name))) return "other names";
  for (const [name, path] of ours) {
    if (!(await media.samePicture(path, theirs.get(name) ?? "", signal))) return "other pictures";
  }
  return "same";
}
