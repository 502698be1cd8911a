import type { ChunkPlace, JobEvent } from "./job-events.ts";

/** What a progress view shows of one donor. */
export interface DonorSummary {
  name: string;
  slots: number;
  doing: string;
  chunksDone: number;
  state: "here" | "resting" | "left" | "banned";
}

/** The state behind a progress view: the fold of a job's events. */
export interface JobProgress {
  startedMs: number;
  title: string;
  framesTotal: number;
  framesDone: number;
  chunksTotal: number;
  chunksDone: number;
  chunksAtStart: number;
  firstAcceptedMs: number | undefined;
  bytesReceived: number;
  donors: Map<string, DonorSummary>;
  lastNote: string | undefined;
  /** An assembled frame that is being denoised, and the share (0 to 1) that is done. */
  denoising: { readonly frame: number; readonly share: number } | undefined;
}

export function emptyProgress(nowMs: number): JobProgress {
  return {
    startedMs: nowMs,
    title: "",
    framesTotal: 0,
    framesDone: 0,
    chunksTotal: 0,
    chunksDone: 0,
    chunksAtStart: 0,
    firstAcceptedMs: undefined,
    bytesReceived: 0,
    donors: new Map(),
    lastNote: undefined,
    denoising: undefined,
  };
}

/** Applies one event; the progress is changed in place. */
export function updateProgress(picture: JobProgress, event: JobEvent, nowMs: number): void {
  switch (event.event) {
    case "job-created":
      picture.title = event.scene;
      picture.framesTotal = event.frames;
      picture.chunksTotal = event.chunks;
      picture.chunksDone = event.chunksDone;
      picture.chunksAtStart = event.chunksDone;
      return;
    case "chunk-accepted":
      picture.chunksDone = event.done;
      picture.firstAcceptedMs ??= nowMs;
      picture.bytesReceived += event.bytes;
      change(picture, event.donor, (donor) => {
        donor.chunksDone++;
        donor.doing = "waiting";
      });
      return;
    case "frame-denoising":
      picture.denoising = event.share < 1 ? { frame: event.frame, share: event.share } : undefined;
      return;
    case "frame-finished":
      picture.framesDone++;
      return;
    case "note":
      picture.lastNote = event.message;
      return;
    case "video-progress":
      picture.lastNote = event.message;
      return;
    default:
      watchDonors(picture, event);
  }
}

function watchDonors(picture: JobProgress, event: JobEvent): void {
  switch (event.event) {
    case "donor-joined":
      picture.donors.set(event.donor, {
        name: event.name,
        slots: event.slots,
        doing: "getting ready",
        chunksDone: picture.donors.get(event.donor)?.chunksDone ?? 0,
        state: "here",
      });
      return;
    case "donor-left":
      return change(picture, event.donor, (donor) => Object.assign(donor, { state: "left", doing: `left: ${event.reason}` }));
    case "donor-availability":
      return change(picture, event.donor, (donor) => {
        donor.state = event.open ? "here" : "resting";
        donor.doing = event.open ? "waiting" : `paused: ${event.reason ?? "its owner paused it"}`;
      });
    case "donor-banned":
      return change(picture, event.donor, (donor) => Object.assign(donor, { state: "banned", doing: `banned: ${event.reason}` }));
    case "scene-progress":
      return change(picture, event.donor, (donor) => {
        donor.doing =
          event.bytesTotal > 0 && event.bytesDone < event.bytesTotal
            ? `fetching the scene ${Math.floor((100 * event.bytesDone) / event.bytesTotal)} %`
            : "opening the scene";
      });
    case "chunk-started":
      return change(picture, event.donor, (donor) => Object.assign(donor, { doing: describePlace(event.place) }));
    default:
  }
}

function change(picture: JobProgress, donor: string, how: (line: DonorSummary) => void): void {
  const line = picture.donors.get(donor);
  if (line) how(line);
}

function describePlace({ frame, rect }: ChunkPlace): string {
  return rect ? `frame ${frame}, tile ${rect.x},${rect.y}` : `frame ${frame}`;
}

/** Estimated seconds left, from the pace since the first accepted chunk; undefined until there is one. */
export function jobSecondsLeft(picture: JobProgress, nowMs: number): number | undefined {
  const done = picture.chunksDone - picture.chunksAtStart;
  if (done < 2 || picture.firstAcceptedMs === undefined || nowMs <= picture.firstAcceptedMs) return undefined;
  const pace = (done - 1) / (nowMs - picture.firstAcceptedMs);
  return (picture.chunksTotal - picture.chunksDone) / pace / 1000;
}
