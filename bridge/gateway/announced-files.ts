import type { RawImage } from "../core/job/job-events.ts";
import type { WireEvent } from "./wire/job-messages.ts";

/** What a job has told its clients of its files. */
export interface AnnouncedSources {
  /** The events that are still known. */
  readonly events: { some(fits: (event: WireEvent) => boolean): boolean };
  /** Floats that wait for somebody. */
  readonly raw: readonly RawImage[];
  /** Asked last: whether it is a finished file that its journal knows. */
  readonly isOutput: () => boolean;
}

/** Whether the job itself has named a file, letter by letter: only such files are given to clients. */
export function isAnnounced(path: string, { events, raw, isOutput }: AnnouncedSources): boolean {
  return events.some((event) => filesIn(event).includes(path)) || raw.some((picture) => picture.path === path) || isOutput();
}

/** The files that an event names. */
function filesIn(event: WireEvent): readonly string[] {
  if (event.event === "tile" || event.event === "preview") return [event.path];
  if (event.event === "frame-raw") return event.pictures.map(({ path }) => path);
  if (event.event === "frame-finished" || event.event === "job-ended") return event.outputs;
  return [];
}
