import type { JobEvent } from "../../core/job/job-events.ts";
import { counted } from "./counted.ts";
import { paint } from "../terminal.ts";

/** The final message of a job: what was written, what is missing and how to resume. */
export function endingText(event: Extract<JobEvent, { event: "job-ended" }>, names: ReadonlyMap<string, string>): string {
  const { stats, outcome, job } = event;
  const frames = `${stats.framesDone} of ${counted(stats.framesTotal, "frame")}`;
  const missing =
    event.missingFiles.length > 0
      ? `\n${paint("yellow", "missing")} ${counted(event.missingFiles.length, "file")} of the scene ${event.missingFiles.length === 1 ? "was" : "were"} not found: ${event.missingFiles.slice(0, 5).join(", ")}`
      : "";
  const more = outcome === "complete" ? "" : `${lackingFrames(event)}\n  Resume with: bridge jobs resume ${job}`;
  const shares = Object.entries(stats.chunksByDonor).map(([donor, chunks]) => `${names.get(donor) ?? donor} ${chunks}`);
  const by = shares.length > 1 ? paint("gray", `  (chunks: ${shares.join(", ")})`) : "";
  return `${paint(outcome === "complete" ? "green" : "yellow", outcome)} ${frames} in ${stats.seconds.toFixed(1)} s${by}${missing}${more}`;
}

/** The first missing frames, with reasons. */
function lackingFrames({ outcome, missing, missingFrames, error }: Extract<JobEvent, { event: "job-ended" }>): string {
  if (error !== null && outcome === "incomplete") return `\n${paint("yellow", "missing")} ${error.message} (${error.code})`;
  if (error !== null) return ""; // the job's error is printed once, for all of them
  const lines = missing
    .slice(0, 5)
    .map(({ frame, message, code }) => `\n${paint("yellow", "missing")} frame ${frame}: ${message} (${code})`);
  return lines.join("") + (missingFrames > lines.length ? `\n  … and ${counted(missingFrames - lines.length, "more frame")}` : "");
}
