import type { Task } from "../../../app/job/job-context.ts";
import { renderRequest } from "../../../app/render/job-request.ts";
import { freshJobId } from "../../../app/render/jobs.ts";
import { BLENDER_FLAGS, JOB_OPTIONS } from "../../../core/job/job-options.ts";
import { optionalFields } from "../../../core/job/option-schemas.ts";
import { FarmError } from "../../../kernel/errors.ts";
import type { Cli } from "../../cli.ts";
import { declaredValues } from "../../declared-options.ts";
import { parseOptions } from "../../parse-options.ts";
import { runJobWithView, WorkOptions } from "./run-task.ts";

const RenderOptions = WorkOptions.extend({ ...optionalFields(BLENDER_FLAGS), ...optionalFields(JOB_OPTIONS) });

/** `bridge render`: parse, compose, run, report. */
export async function renderAction(cli: Cli, scenePath: string, raw: Record<string, unknown>): Promise<void> {
  const declared = { ...declaredValues(BLENDER_FLAGS, raw), ...declaredValues(JOB_OPTIONS, raw) };
  const options = parseOptions(RenderOptions, { ...raw, ...declared });
  if (options.frames !== undefined && options.animation === true)
    throw new FarmError("USAGE", "only one of -f and -a can be used", { advice: "Name frames with -f, or render the animation with -a." });
  const request = renderRequest({ scenePath, cwd: process.cwd(), deliver: "files" }, options);
  const task: Task = { kind: "new", job: freshJobId(cli.world), request };
  await runJobWithView(cli, task, options);
}
