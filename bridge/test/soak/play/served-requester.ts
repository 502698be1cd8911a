import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { JobSummary } from "../../../gateway/wire/job-messages.ts";
import type { JsonLine } from "../../bridge-command.ts";
import { type Fault, hung, lost } from "../story/fault.ts";
import type { Happenings } from "../story/happenings.ts";
import { type Ending, type JobPlace, sceneFolderOf, videoOf } from "./job-place.ts";
import { listOf } from "./reference.ts";
import type { ServeClient, ServeHost } from "./serve-host.ts";
import type { JobStory } from "../story/story.ts";

const ENDED: ReadonlySet<JobSummary["state"]> = new Set(["complete", "incomplete", "cancelled", "failed"]);

/** The same job by the WebSocket of `bridge serve`; the bridge is killed and started again as the story says. */
export async function requestByDoor(story: JobStory, place: JobPlace, host: ServeHost, signal: AbortSignal): Promise<Ending> {
  const faults: Fault[] = [];
  const lines: JsonLine[] = [];
  let client = await connect(host, place.happenings, lines, signal);
  const job = await client.submit(submissionOf(story, place));
  const stop = new AbortController();
  const events = liveThrough(story, { happenings: place.happenings, host }, stop.signal);
  let line = await within(client, client.ended(job), signal);
  while (line === undefined && !signal.aborted) {
    client.socket.close();
    client = await connect(host, place.happenings, lines, signal);
    const report = await within(client, client.ask("jobs.watch", { job }), signal);
    // It may have ended while the previous bridge was stopping, without an event of this one.
    line = report !== undefined && ENDED.has(report.summary.state) ? report.summary : await within(client, client.ended(job), signal);
  }
  stop.abort();
  await events;
  const last = client.eventsOf(job) as unknown as JsonLine[];
  const endedBefore = !last.some(({ event }) => event === "job-ended") && line !== undefined && line.framesDone === line.framesTotal;
  await writeFile(join(place.folder, `${place.name}-served.jsonl`), lines.map((each) => JSON.stringify(each)).join("\n"));
  if (line === undefined) faults.push(hung(`the served job ${job} does not end`));
  else if (line.state !== "complete") faults.push(lost(`the served job ended ${line.state}: ${JSON.stringify(line.error)}`));
  if (line !== undefined) await release(host, job, signal);
  client.socket.close();
  return { job, last, all: lines, faults, endedBefore };
}

/** By a new connection: the bridge that sent the end may have stopped. */
async function release(host: ServeHost, job: string, signal: AbortSignal): Promise<void> {
  const client = await host.connect(signal);
  await within(client, client.ask("jobs.release", { job }), signal);
  client.socket.close();
}

interface Stage {
  readonly happenings: Happenings;
  readonly host: ServeHost;
}

async function liveThrough(story: JobStory, { happenings, host }: Stage, signal: AbortSignal): Promise<void> {
  for (const event of story.events) {
    if (!(await happenings.reach(event.at, signal))) return;
    await host.restart(event, signal);
  }
}

function submissionOf(story: JobStory, place: JobPlace) {
  const { frames, format, tiles, verify, video, local } = story;
  return {
    scenePath: place.scenePath,
    output: join(sceneFolderOf(place), "render", "f_####"),
    ...(frames.kind === "scene" ? { animation: true } : { frames: framesText(frames) }),
    ...(format === undefined ? {} : { format }),
    ...(video ? { video: videoOf(place) } : {}),
    tiles,
    verify,
    local: local > 0,
    peers: [...place.donors],
  };
}

function framesText(frames: Exclude<JobStory["frames"], { kind: "scene" }>): string {
  if (frames.kind === "list") return listOf(frames);
  return Array.from({ length: frames.count }, (_, index) => frames.first + index * frames.step).join(",");
}

/** The received message; undefined when the connection or the time ended before. */
async function within<T>(client: ServeClient, what: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const onAbort = () => resolve(undefined);
  if (signal.aborted) return undefined;
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([what, client.closed.then(() => undefined), promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function connect(host: ServeHost, happenings: Happenings, lines: JsonLine[], signal: AbortSignal): Promise<ServeClient> {
  const client = await host.connect(signal);
  client.socket.on("error", () => {});
  client.socket.on("message", (data: Buffer, isBinary: boolean) => {
    if (isBinary) return;
    const frame = JSON.parse(data.toString("utf8")) as { readonly type: string; readonly event?: JsonLine };
    if (frame.type !== "event" || frame.event === undefined) return;
    lines.push(frame.event);
    happenings.tell(frame.event);
  });
  return client;
}
