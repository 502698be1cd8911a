import { describe, expect, it } from "vitest";
import { EventLog } from "./event-log.ts";
import type { WireEvent } from "./wire/job-messages.ts";
import { isAnnounced } from "./announced-files.ts";

const region = { x: 0, y: 0, width: 4, height: 4 };
const picture = (path: string) => ({ scene: "Scene", frame: 1, path, width: 4, height: 4, region });
const events = new EventLog<WireEvent>({ kept: 10 });
const TOLD: readonly WireEvent[] = [
  { event: "tile", chunk: "c", donor: "d", scene: "Scene", frame: 1, rect: region, region, path: "/jobs/a/tile.exr" },
  { event: "preview", path: "/jobs/a/preview.png" },
  { event: "frame-raw", frame: 1, pictures: [picture("/jobs/a/whole.exr")] },
  { event: "frame-finished", frame: 1, outputs: ["/out/f_0001.png"] },
  { event: "note", code: "n", message: "/etc/passwd" },
];
for (const event of TOLD) events.push(0, event);
const told = (path: string) => ({ events, raw: [picture("/jobs/a/older.exr")], isOutput: () => path === "/out/film.mp4" });

describe("files announced by a job", () => {
  it.each(["/jobs/a/tile.exr", "/jobs/a/preview.png", "/jobs/a/whole.exr", "/out/f_0001.png", "/jobs/a/older.exr", "/out/film.mp4"])(
    "an announced file can be downloaded: %s",
    (path) => expect(isAnnounced(path, told(path))).toBe(true),
  );

  it.each(["/etc/passwd", "/jobs/a", "/jobs/a/other.exr", "/jobs/a/../a/tile.exr", "/jobs/a/tile.exr/", "/out/f_0001.pn", ""])(
    "no other file can be downloaded: %s",
    (path) => expect(isAnnounced(path, told(path))).toBe(false),
  );
});
