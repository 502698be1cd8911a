import { stripVTControlCharacters } from "node:util";
import prettyBytes from "pretty-bytes";
import prettyMilliseconds from "pretty-ms";
import type { DonateEvent } from "../../donor/donate-events.ts";
import type { DonorStatus } from "../../app/donate/donor-status.ts";
import { paint } from "../terminal.ts";
import { counted } from "./counted.ts";
import { gpuText, speedText } from "./gpu-text.ts";

export interface Canvas {
  readonly nowMs: number;
  readonly columns: number;
}

/** A donor's current state: availability, slots, donated totals. */
export function drawStatus(status: DonorStatus, canvas: Canvas): string {
  const lines = [
    `${availabilityText(status)}  ${paint("bold", status.name)}  ${paint("gray", sizeText(status))}`,
    ...slotLines(status, canvas.nowMs),
    ...status.gpus.map((gpu) => `  ${paint("gray", "gpu")}     ${gpuText(gpu)}`),
    ...(status.gpuNote === undefined ? [] : [`  ${paint("yellow", "note")}    ${status.gpuNote}`]),
    ...status.jobs.map(
      ({ job, requester }, index) => `  ${paint("gray", `job ${index + 1}`)}   ${job} ${paint("gray", `from ${shortPeer(requester)}`)}`,
    ),
    ...requestLines(status),
    ...totalLines(status.totals),
    `  ${paint("gray", "machine")} ${machineText(status)}`,
  ];
  return lines.map((line) => cut(line, canvas.columns)).join("\n");
}

function sizeText({ slots, threads, backends, speed }: DonorStatus): string {
  const size = `${counted(slots, "slot")} of ${threads === 1 ? "1 thread" : `${threads} threads`}`;
  return [size, ...backends, ...(speed === undefined ? [] : [speedText(speed)])].join(" · ");
}

/** What each slot renders, and for how long; free slots are shown only while the donor is open. */
function slotLines({ working, availability, slots, busySlots }: DonorStatus, nowMs: number): string[] {
  const widest = Math.max(0, ...working.map(({ what }) => what.length));
  const opening = Math.max(0, busySlots - working.length);
  const free = availability.state === "open" ? Math.max(0, slots - working.length - opening) : 0;
  return [
    ...working.map(
      ({ what, sinceMs, job }) =>
        `  ${paint("cyan", "▸")} ${what.padEnd(widest)}  ${since(sinceMs, nowMs).padStart(4)}  ${paint("gray", `job ${job}`)}`,
    ),
    ...(opening > 0 ? [paint("gray", `  · ${opening === 1 ? "1 slot opens its" : `${opening} slots open their`} scene`)] : []),
    ...(free > 0 ? [paint("gray", `  · ${free === 1 ? "1 slot is" : `${free} slots are`} free`)] : []),
  ];
}

/** The newest environment request; the others follow. With the whole digest, as needed for the terms. */
function requestLines({ asked }: DonorStatus): string[] {
  const newest = asked.at(-1);
  if (newest === undefined) return [];
  const others = asked.length === 1 ? "" : ` (and ${asked.length - 1} more)`;
  return [`  ${paint("yellow", "asked")}   ${newest.digest} by ${newest.job}${others}`];
}

/** Today and in total, in columns. */
function totalLines({ today, ever }: DonorStatus["totals"]): string[] {
  const rows = [today, ever].map(donatedCells);
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells, row) => {
    const text = cells.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("   ");
    return `  ${paint("gray", row === 0 ? "today  " : "ever   ")} ${text.trimEnd()}`;
  });
}

function availabilityText({ availability }: DonorStatus): string {
  if (availability.state === "open") return `${paint("green", "●")} gives`;
  const mark = availability.state === "paused" ? paint("yellow", "❚❚") : paint("gray", "○");
  return `${mark} ${availability.state}: ${availability.reason}`;
}

function donatedCells({ frames, chunks, seconds, joules }: DonorStatus["totals"]["today"]): string[] {
  return [
    `${frames.toFixed(frames < 10 ? 1 : 0)} frames`,
    chunks === 1 ? "1 chunk " : `${chunks} chunks`,
    hours(seconds),
    joules === undefined ? "" : `${(joules / 3.6e6).toFixed(joules < 3.6e6 ? 3 : 1)} kWh at most`,
  ];
}

function hours(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(0)} s`;
  return seconds < 3_600 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3_600).toFixed(seconds < 36_000 ? 1 : 0)} h`;
}

function machineText({ machine, diskUsedBytes }: DonorStatus): string {
  const facts = [
    ...(machine.celsius === undefined ? [] : [`${Math.round(machine.celsius)} °C`]),
    ...(machine.watts === undefined ? [] : [`${Math.round(machine.watts)} W`]),
    ...(machine.othersLoad === undefined ? [] : [`others use ${Math.round(machine.othersLoad * 100)} %`]),
    ...(machine.onBattery ? ["on battery"] : []),
    `${prettyBytes(diskUsedBytes, { maximumFractionDigits: 0 })} of disk in use`,
  ];
  return facts.join(" · ");
}

function since(sinceMs: number, nowMs: number): string {
  return prettyMilliseconds(Math.max(0, nowMs - sinceMs), { secondsDecimalDigits: 0 });
}

/** Peer ids have a common prefix; their ends differ. */
function shortPeer(id: string): string {
  return id.length <= 16 ? id : `…${id.slice(-10)}`;
}

/** A line that is too long loses its colours, and its end. */
function cut(text: string, columns: number): string {
  const plain = stripVTControlCharacters(text);
  return plain.length <= columns ? text : `${plain.slice(0, Math.max(1, columns - 1))}…`;
}

/** A permanent log line for an event. */
export function logLine(event: DonateEvent): string | undefined {
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
    case "environment-asked":
      return [
        `${paint("yellow", "asked")} job ${event.job} of ${event.requester} needs an environment that is not allowed yet.`,
        `  To allow it: bridge donate set ${event.term}`,
      ].join("\n");
    case "job-refused":
      if (event.asks !== undefined) return undefined; // shown by the environment request
      return `${paint("gray", "refused")} job ${event.job}: ${event.reason}`;
    case "job-evicted":
      return `${paint("yellow", "evicted")} job ${event.job}`;
    case "chunk-rendered":
      return `${paint("green", "done")} chunk ${event.lease} of ${event.job} in ${event.seconds.toFixed(1)} s`;
    case "chunk-failed":
      return event.code === "CANCELLED" ? undefined : `${paint("yellow", "failed")} chunk ${event.lease} of ${event.job} (${event.code})`;
    case "availability":
      return event.state === "open" ? `${paint("green", "open")} accepting jobs` : `${paint("yellow", event.state)} ${event.reason}`;
    case "terms":
      return `${paint("cyan", "terms")} ${
        Object.entries(event.terms)
          .map(([name, text]) => `${name}=${text}`)
          .join("  ") || "all defaults"
      }`;
    case "note":
      return `${paint("yellow", "note")} ${event.message}`;
    default:
      return undefined;
  }
}
