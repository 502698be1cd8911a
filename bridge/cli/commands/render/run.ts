import { z } from "zod";
import type { Task } from "../../../app/job/job-context.ts";
import { freshJobId } from "../../../app/render/jobs.ts";
import { parseTiles } from "../../../core/plan/tiles.ts";
import { videoFormat } from "../../../media/video/video-codecs.ts";
import type { Cli } from "../../cli.ts";
import { parseOptions } from "../../parse-options.ts";
import { runTask, WorkOptions } from "./run-task.ts";

const frame = z.int().min(-1_048_574).max(1_048_574);

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

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Defined<T>;
}
