import { z } from "zod";
import { freshJobId } from "../../app/render/jobs.ts";
import { render, type RenderSettings } from "../../app/render/render.ts";
import type { Task } from "../../app/job/run-job.ts";
import { openHome } from "../../config/home.ts";
import type { JobEvent, JobOutcome } from "../../core/job/job-events.ts";
import { parseTiles } from "../../core/plan/tiles.ts";
import { endBeforeWork } from "../../core/ledger/end-event.ts";
import { FarmError } from "../../kernel/errors.ts";
import { jsonLog, silentLog } from "../../kernel/log.ts";
import { videoFormat } from "../../media/video/video-codecs.ts";
import { exitGuard } from "../exit-guard.ts";
import { EXIT } from "../exit-codes.ts";
import type { Cli } from "../program.ts";
import { paint } from "../terminal.ts";
import { renderView } from "../views/render-view.ts";

const frame = z.int().min(-1_048_574).max(1_048_574);

/** What commander hands over, parsed once. */
export const WorkOptions = z.object({
  home: z.string().optional(),
  json: z.boolean().default(false),
  local: z.union([z.literal(false), z.int().min(0).max(256)]).optional(),
  peer: z.array(z.string().max(512)).max(256).default([]),
  bootstrap: z.array(z.string().max(512)).max(64).default([]),
  swarm: z.string().min(1).max(64).default("public"),
  blender: z.string().optional(),
  threads: z.int().min(1).max(4096).optional(),
  allowPreviews: z.boolean().default(false),
});

const RenderOptions = WorkOptions.extend({
  renderAnim: z.boolean().default(false),
  renderFrame: z.string().optional(),
  scene: z.string().max(256).optional(),
  renderOutput: z.string().max(4096).optional(),
  renderFormat: z.string().max(64).optional(),
  useExtension: z.boolean().optional(),
  frameStart: frame.optional(),
  frameEnd: frame.optional(),
  frameJump: z.int().min(1).max(1_048_574).optional(),
  tiles: z.string().max(32).optional(),
  verify: z.enum(["off", "spot", "full"]),
  video: z.string().max(4096).optional(),
  environment: z.string().min(1).max(256).optional(),
});

/** `bridge render`: parse, compose, run, report. */
export async function runRender(cli: Cli, scenePath: string, raw: Record<string, unknown>): Promise<void> {
  const options = parseOptions(RenderOptions, raw);
  if (options.video !== undefined) videoFormat(options.video);
  const { scene, renderOutput, renderFormat, useExtension, frameStart, frameEnd, frameJump } = options;
  const flags = defined({ scene, output: renderOutput, format: renderFormat, useExtension, frameStart, frameEnd, frameStep: frameJump });
  const task: Task = {
    kind: "new",
    job: freshJobId(),
    request: {
      scenePath,
      flags,
      frames: options.renderFrame,
      animation: options.renderAnim,
      tiles: options.tiles === undefined ? undefined : parseTiles(options.tiles),
      verify: options.verify,
      video: options.video,
      environment: options.environment,
      cwd: process.cwd(),
      deliver: "files",
    },
  };
  await runTask(cli, task, options);
}

/** Runs a task with its view, and says how it ended. */
export async function runTask(cli: Cli, task: Task, options: z.infer<typeof WorkOptions>): Promise<void> {
  const settings: RenderSettings = {
    home: await openHome(options.home),
    blender: options.blender,
    threads: options.threads,
    force: {
      local: options.local === false ? 0 : (options.local ?? 1),
      peers: options.peer.length > 0 ? options.peer : "all",
      allowPreview: options.allowPreviews,
    },
    swarm: { swarm: options.swarm, bootstrap: options.bootstrap },
  };
  const view = renderView(cli.terminal, { json: options.json });
  let last: JobEvent | undefined;
  const names = new Map<string, string>();
  const observe = (event: JobEvent) => {
    last = event;
    if (event.event === "donor-joined") names.set(event.donor, event.name);
    view.show(event);
  };
  const log = process.env["BRIDGE_DEBUG"] ? jsonLog((line) => cli.terminal.error(line), "debug") : silentLog;
  try {
    using _guard = exitGuard(() => lastWords(task.job, options.json));
    cli.exitWith(exitCodeOf(await render(settings, task, { observe, log }, cli.signal)));
  } finally {
    view.end();
    if (!options.json && last?.event === "job-ended" && last.stats.framesTotal > 0) cli.terminal.line(ending(last, names));
  }
}

function exitCodeOf(outcome: JobOutcome): number {
  if (outcome === "complete") return EXIT.ok;
  return outcome === "cancelled" ? EXIT.interrupted : EXIT.incomplete;
}

/** Of a process that ends although its job has not. */
function lastWords(job: string, json: boolean) {
  const message = "the process ended before the job had";
  const event = endBeforeWork(job, "failed", { code: "BUG", message });
  const err = `bug ${message}\n  This is a mistake of ours: please report it. Go on with: bridge jobs resume ${job}`;
  return json ? { out: JSON.stringify({ ...event, at: Date.now() }), err } : { err };
}

function ending(event: Extract<JobEvent, { event: "job-ended" }>, names: ReadonlyMap<string, string>): string {
  const { stats, outcome, job } = event;
  const frames = stats.framesTotal === 1 ? "1 frame" : `${stats.framesDone} of ${stats.framesTotal} frames`;
  const missing =
    event.missingFiles.length > 0
      ? `\n${paint("yellow", "missing")} ${event.missingFiles.length} files the scene names were not found: ${event.missingFiles.slice(0, 5).join(", ")}`
      : "";
  const more = outcome === "complete" ? "" : `${lackingFrames(event)}\n  Go on with: bridge jobs resume ${job}`;
  const shares = Object.entries(stats.chunksByDonor).map(([donor, chunks]) => `${names.get(donor) ?? donor} ${chunks}`);
  const by = shares.length > 1 ? paint("gray", `  (chunks: ${shares.join(", ")})`) : "";
  return `${paint(outcome === "complete" ? "green" : "yellow", outcome)} ${frames} in ${stats.seconds.toFixed(1)} s${by}${missing}${more}`;
}

/** The first frames that are not there, and why. */
function lackingFrames({ outcome, missing, missingFrames, error }: Extract<JobEvent, { event: "job-ended" }>): string {
  if (error !== null && outcome === "incomplete") return `\n${paint("yellow", "missing")} ${error.message} (${error.code})`;
  if (error !== null) return ""; // what ended the job is said once, for all of them
  const lines = missing
    .slice(0, 5)
    .map(({ frame, message, code }) => `\n${paint("yellow", "missing")} frame ${frame}: ${message} (${code})`);
  return lines.join("") + (missingFrames > lines.length ? `\n  … and ${missingFrames - lines.length} more frames` : "");
}

/** Options that break a rule are the user's to mend: USAGE. */
export function parseOptions<T>(schema: z.ZodType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FarmError("USAGE", `option ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not understood"}`);
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Defined<T>;
}
