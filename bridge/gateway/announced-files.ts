import type { RawImage } from "../core/job/job-events.ts";
import type { WireEvent } from "./wire/job-messages.ts";

/** The files that a job has announced to its clients. */
export interface AnnouncedSources {
  /** The events that are still stored. */
  readonly events: { some(fits: (event: WireEvent) => boolean): boolean };
  /** Raw frames that wait for pickup. */
  readonly raw: readonly RawImage[];
  /** Called last: whether it is a finished file in the job's journal. */
  readonly isOutput: () => boolean;
}

/** Whether the job itself has announced a file under exactly this path: only such files are sent to clients. */
export function isAnnounced(path: string, { events, raw, isOutput }: AnnouncedSources): boolean {
  return events.some((event) => filesIn(event).includes(path)) || raw.some((picture) => picture.path === path) || isOutput();
}

/** The files that an event announces. */
function filesIn(event: WireEvent): readonly string[] {
  if (event.event === "tile" || event.event === "preview") return [event.path];
  if (event.event === "frame-raw") return event.pictures.map(({ path }) => path);
  if (event.event === "frame-finished" || event.event === "job-ended") return event.outputs;
  return [];
}
