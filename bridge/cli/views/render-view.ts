import { createLogUpdate } from "log-update";
import prettyBytes from "pretty-bytes";
import prettyMilliseconds from "pretty-ms";
import type { JobEvent } from "../../core/job/job-events.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import { paint, type Terminal } from "../terminal.ts";
import { counted } from "./counted.ts";
import { redrawEvery } from "./redraw-every.ts";
import { type DonorSummary, emptyProgress, type JobProgress, jobSecondsLeft, updateProgress } from "../../core/job/job-progress.ts";

/** Shows a job while it runs. */
export interface RenderView {
  show(event: JobEvent): void;
  /** Leaves the last state on the screen. */
  end(): void;
}

/** JSON lines, a live view, or plain lines, depending on options and terminal. */
export function createJobDisplay(terminal: Terminal, options: { readonly clock: Clock; readonly json: boolean }): RenderView {
  if (options.json) return { show: (event) => terminal.json(event), end: () => {} };
  return terminal.isLive ? liveView(terminal, options.clock) : plainView(terminal, options.clock);
}

const REFRESH_MS = 200;

function liveView(terminal: Terminal, clock: Clock): RenderView {
  const picture = emptyProgress(clock.now());
  const update = createLogUpdate(process.stdout, { showCursor: true });
  const draw = () => update(drawProgress(picture, clock.now(), Math.min(terminal.columns, 100)));
  const still = redrawEvery(REFRESH_MS, draw);
  return {
    show: (event) => {
      updateProgress(picture, event, clock.now());
      const line = logLine(event);
      if (line === undefined) return;
      update.clear();
      terminal.line(line);
      draw();
    },
    end: () => {
      still();
      draw();
      update.done();
    },
  };
}

function plainView(terminal: Terminal, clock: Clock): RenderView {
  const picture = emptyProgress(clock.now());
  let toldMs = 0;
  return {
    show: (event) => {
      updateProgress(picture, event, clock.now());
      const line = logLine(event);
      if (line !== undefined) terminal.line(line);
      if (event.event !== "chunk-accepted") return;
      if (clock.now() - toldMs < 2_000 && event.done < event.total) return;
      toldMs = clock.now();
      terminal.line(`${percent(picture)}  ${picture.chunksDone} of ${counted(picture.chunksTotal, "chunk")}${eta(picture, clock.now())}`);
    },
    end: () => {},
  };
}

/** Draws the whole view: bar, then one line per donor. */
export function drawProgress(picture: JobProgress, nowMs: number, columns: number): string {
  const width = Math.max(10, Math.min(40, columns - 50));
  const share = picture.chunksTotal === 0 ? 0 : picture.chunksDone / picture.chunksTotal;
  const filled = Math.round(share * width);
  const bar = paint("cyan", "━".repeat(filled)) + paint("gray", "━".repeat(width - filled));
  const elapsed = prettyMilliseconds(Math.max(0, nowMs - picture.startedMs), { secondsDecimalDigits: 0 });
  const frames = picture.framesTotal > 1 ? `  ${picture.framesDone}/${counted(picture.framesTotal, "frame")}` : "";
  const head = `${bar} ${percent(picture)}${frames}  ${picture.chunksDone}/${counted(picture.chunksTotal, "chunk")}  ${paint("gray", elapsed + eta(picture, nowMs))}`;
  const { denoising } = picture;
  const denoised = denoising ? [`  denoising frame ${denoising.frame}  ${Math.floor(denoising.share * 100)} %`] : [];
  const moved = picture.bytesReceived > 0 ? [paint("gray", `  ${prettyBytes(picture.bytesReceived)} received`)] : [];
  return [head, ...[...picture.donors.values()].map((donor) => drawDonor(donor, columns)), ...denoised, ...moved].join("\n");
}

function drawDonor(donor: DonorSummary, columns: number): string {
  const mark = donor.state === "here" ? paint("green", "●") : donor.state === "banned" ? paint("red", "✕") : paint("gray", "○");
  const text = `${donor.name.padEnd(18).slice(0, 18)} ${String(donor.chunksDone).padStart(5)} done  ${donor.doing}`;
  return `  ${mark} ${text.slice(0, Math.max(20, columns - 5))}`;
}

function percent(picture: JobProgress): string {
  const share = picture.chunksTotal === 0 ? 0 : picture.chunksDone / picture.chunksTotal;
  return `${String(Math.floor(share * 100)).padStart(3)} %`;
}

function eta(picture: JobProgress, nowMs: number): string {
  const left = jobSecondsLeft(picture, nowMs);
  return left === undefined || left <= 0 ? "" : `, about ${prettyMilliseconds(left * 1000, { secondsDecimalDigits: 0 })} left`;
}

/** A permanent log line for an event. */
function logLine(event: JobEvent): string | undefined {
  switch (event.event) {
    case "job-created":
      return `${paint("bold", event.scene)}  ${counted(event.frames, "frame")}${event.tiles ? ` in ${event.tiles} tiles` : ""}, Blender ${event.blender}  ${paint("gray", `job ${event.job}`)}`;
    case "note":
      return `${paint("yellow", "note")} ${event.message}`;
    case "donor-left":
      return event.reason === "the job has ended"
        ? undefined
        : `${paint("yellow", "left")} ${event.name}: ${event.reason}; its chunks go to others`;
    case "donor-availability":
      return event.open
        ? `${paint("green", "back")} ${event.name} goes on`
        : `${paint("yellow", "paused")} ${event.name}: ${event.reason ?? "its owner paused it"}; its queued chunks go to others`;
    case "donor-banned":
      return `${paint("red", "banned")} ${event.name}: ${event.reason}; its chunks are rendered by others`;
    case "chunk-failed":
      return event.code === "CANCELLED" ? undefined : `${paint("yellow", "retry")} ${event.chunk}: ${event.message} (${event.code})`;
    case "frame-lost":
      return `${paint("red", "lost")} frame ${event.frame}: ${event.message} (${event.code})`;
    case "chunk-dead":
      return `${paint("red", "failed")} ${event.chunk}: ${event.message} (${event.code})`;
    case "frame-finished":
      return event.outputs.map((path) => `${paint("green", "saved")} ${path}`).join("\n") || undefined;
    default:
      return undefined;
  }
}
