import prettyBytes from "pretty-bytes";
import prettyMilliseconds from "pretty-ms";
import type { DonateEvent } from "../../app/donate-events.ts";
import type { DonorStatus } from "../../app/donor-status.ts";
import { paint } from "../terminal.ts";

export interface Canvas {
  readonly nowMs: number;
  readonly columns: number;
}

/** A donor at a moment: how it stands, what each slot does, what it gave. */
export function drawStatus(status: DonorStatus, canvas: Canvas): string {
  const { name, slots, threads, jobs } = status;
  const size = `${slots === 1 ? "1 slot" : `${slots} slots`} of ${threads === 1 ? "1 thread" : `${threads} threads`}`;
  const free = status.standing.state === "open" ? Math.max(0, slots - status.working.length) : 0;
  return [
    `${standingText(status)}  ${paint("bold", name)}  ${paint("gray", `${size}, ${prettyBytes(status.diskUsedBytes, { maximumFractionDigits: 0 })} of disk in use`)}`,
    ...status.working.map((working) =>
      cut(
        `  ${paint("cyan", "▸")} ${working.what}  ${paint("gray", `job ${working.job}, ${since(working.sinceMs, canvas.nowMs)}`)}`,
        canvas.columns,
      ),
    ),
    ...(free > 0 ? [paint("gray", `  ${free === 1 ? "1 slot is" : `${free} slots are`} free`)] : []),
    ...jobs.map(({ job, requester }, index) =>
      cut(`  ${paint("gray", `${index + 1}`)} job ${job} ${paint("gray", `from ${requester}`)}`, canvas.columns),
    ),
    paint("gray", `  today ${givenText(status.totals.today)}; ever ${givenText(status.totals.ever)}${machineText(status)}`),
  ].join("\n");
}

function standingText({ standing }: DonorStatus): string {
  if (standing.state === "open") return `${paint("green", "●")} gives`;
  const mark = standing.state === "paused" ? paint("yellow", "❚❚") : paint("gray", "○");
  return `${mark} ${standing.state}: ${standing.because}`;
}

function givenText({ frames, chunks, seconds, joules }: DonorStatus["totals"]["today"]): string {
  const energy = joules === undefined ? "" : `, ${(joules / 3.6e6).toFixed(joules < 3.6e6 ? 3 : 1)} kWh at most`;
  return `${frames.toFixed(frames < 10 ? 1 : 0)} frames in ${chunks} chunks, ${(seconds / 3_600).toFixed(seconds < 36_000 ? 2 : 0)} h${energy}`;
}

function machineText({ machine }: DonorStatus): string {
  const facts = [
    ...(machine.celsius === undefined ? [] : [`${Math.round(machine.celsius)} °C`]),
    ...(machine.watts === undefined ? [] : [`${Math.round(machine.watts)} W`]),
    ...(machine.othersLoad === undefined ? [] : [`others ${Math.round(machine.othersLoad * 100)} %`]),
    ...(machine.onBattery ? ["on battery"] : []),
  ];
  return facts.length === 0 ? "" : `; ${facts.join(", ")}`;
}

function since(sinceMs: number, nowMs: number): string {
  return prettyMilliseconds(Math.max(0, nowMs - sinceMs), { secondsDecimalDigits: 0 });
}

/** Colours take no room; a line that is too long loses them rather than its shape. */
function cut(text: string, columns: number): string {
  return text.length <= columns + 20 ? text : `${text.slice(0, columns + 19)}…`;
}

/** What stays on the screen after the moment has passed. */
export function lastingLine(event: DonateEvent): string | undefined {
  switch (event.event) {
    case "listening":
      return [
        `${paint("green", "●")} ${paint("bold", event.name)} gives ${event.slots === 1 ? "1 render slot" : `${event.slots} render slots`} of ${event.threads === 1 ? "1 thread" : `${event.threads} threads`} with Blender ${event.blenders.join(", ")}`,
        ...event.multiaddrs.map((address) => paint("gray", `  ${address}`)),
      ].join("\n");
    case "job-opened":
      return `${paint("cyan", "job")} ${event.job} from ${event.requester}`;
    case "job-closed":
      return `${paint("gray", "job")} ${event.job} closed`;
    case "job-refused":
      return `${paint("gray", "refused")} job ${event.job}: ${event.because}`;
    case "job-evicted":
      return `${paint("yellow", "evicted")} job ${event.job}`;
    case "chunk-rendered":
      return `${paint("green", "done")} chunk ${event.lease} of ${event.job} in ${event.seconds.toFixed(1)} s`;
    case "chunk-failed":
      return event.code === "CANCELLED" ? undefined : `${paint("yellow", "failed")} chunk ${event.lease} of ${event.job} (${event.code})`;
    case "standing":
      return event.state === "open" ? `${paint("green", "open")} work is taken` : `${paint("yellow", event.state)} ${event.because}`;
    case "terms":
      return `${paint("cyan", "terms")} ${
        Object.entries(event.terms)
          .map(([name, text]) => `${name}=${text}`)
          .join("  ") || "all as they come"
      }`;
    case "note":
      return `${paint("yellow", "note")} ${event.sentence}`;
    default:
      return undefined;
  }
}
