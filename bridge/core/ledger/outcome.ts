import type { LossReason, Ledger, MissingFrame, LedgerFile } from "./ledger.ts";

/** What was found at an expected file's path. */
export type FileFound = "there" | "gone" | "other-size" | "empty";

/** The outcome of a job, from its ledger alone. */
export interface Outcome {
  readonly outcome: "complete" | "incomplete";
  /** Frames with missing files, in frame order. */
  readonly missing: readonly MissingFrame[];
  /** The video, if it is missing. */
  readonly missingVideo: string | undefined;
}

/** Every file that must exist at the end: written files with their sizes, and files that Blender would have written. */
export function filesToFind(ledger: Ledger): readonly LedgerFile[] {
  const files = new Map<string, LedgerFile>();
  const add = (file: LedgerFile) => void (files.has(file.path) || files.set(file.path, file));
  if (ledger.video?.bytes !== undefined) add(ledger.video);
  // When two frames wrote one name, the file is that of the frame requested later.
  for (const [, state] of [...ledger.frames].toReversed()) if (state.at === "written") state.files.forEach(add);
  for (const [frame, state] of ledger.frames)
    if (state.at === "written") for (const path of ledger.expected(frame)) add({ path, bytes: undefined });
  return [...files.values()];
}

/**
 * "complete" means that every frame is written and every file exists. `found` reports on each of `filesToFind`; `otherwise`
 * is the reason for a missing frame that was not lost: the job was cancelled, or an error ended it.
 */
export function outcomeOf(ledger: Ledger, found: ReadonlyMap<string, FileFound>, otherwise: LossReason): Outcome {
  const missing: MissingFrame[] = [];
  for (const [frame, state] of ledger.frames) {
    if (state.at !== "written") {
      const lack = state.at === "lost" ? state.lack : otherwise;
      missing.push({ frame, files: ledger.expected(frame), ...lack });
      continue;
    }
    const wanted = [...new Set([...state.files.map(({ path }) => path), ...ledger.expected(frame)])];
    const gone = wanted.filter((path) => isBad(found.get(path)));
    const [first] = gone;
    if (first !== undefined) missing.push({ frame, files: gone, code: "FILE_LOST", message: messageOf(first, found.get(first)) });
  }
  const { video } = ledger;
  const hasVideo = video === undefined || (video.bytes !== undefined && !isBad(found.get(video.path)));
  return {
    outcome: missing.length === 0 && hasVideo ? "complete" : "incomplete",
    missing: missing.toSorted((a, b) => a.frame - b.frame),
    missingVideo: hasVideo ? undefined : video.path,
  };
}

/** A file without a report counts as missing. */
function isBad(found: FileFound | undefined): boolean {
  return found !== "there";
}

function messageOf(path: string, found: FileFound | undefined): string {
  if (found === "other-size") return `${path} has changed since it was written`;
  return found === "empty" ? `${path} is empty` : `${path} is missing`;
}
