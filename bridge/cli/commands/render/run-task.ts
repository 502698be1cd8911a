import { z } from "zod";
import type { Task } from "../../../app/job/job-context.ts";
import { render, type RenderSettings } from "../../../app/render/render.ts";
import { openHome } from "../../../config/home.ts";
import type { JobEvent, JobOutcome } from "../../../core/job/job-events.ts";
import { endEventBeforeWork } from "../../../core/ledger/end-event.ts";
import type { Clock } from "../../../kernel/time/clock.ts";
import { jsonLog, silentLog } from "../../../kernel/log.ts";
import type { Cli } from "../../cli.ts";
import { EXIT } from "../../exit-codes.ts";
import { exitGuard } from "../../exit-guard.ts";
import { endingText } from "../../views/job-ending.ts";
import { createJobDisplay } from "../../views/render-view.ts";

/** Options for where and by whom a job is rendered, shared by `bridge render` and `bridge jobs resume`. */
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

/** Runs a task with its view, and reports how it ended. */
export async function runJobWithView(cli: Cli, task: Task, options: z.infer<typeof WorkOptions>): Promise<void> {
  const settings = await settingsOf(cli, options);
  const view = createJobDisplay(cli.terminal, { clock: cli.world.clock, json: options.json });
  let last: JobEvent | undefined;
  const names = new Map<string, string>();
  const observe = (event: JobEvent) => {
    last = event;
    if (event.event === "donor-joined") names.set(event.donor, event.name);
    view.show(event);
  };
  const log = process.env["BRIDGE_DEBUG"] ? jsonLog(cli.world.clock, (line) => cli.terminal.error(line), "debug") : silentLog;
  try {
    using _guard = exitGuard(() => lastWords(cli.world.clock, task.job, options.json));
    cli.exitWith(exitCodeOf(await render(cli.world, settings, { task, watching: { observe, log } }, cli.signal)));
  } catch (error) {
    if (last?.event === "job-ended") cli.errorIsTold();
    throw error;
  } finally {
    view.end();
    if (!options.json && last?.event === "job-ended" && last.stats.framesTotal > 0) cli.terminal.line(endingText(last, names));
  }
}

async function settingsOf(cli: Cli, options: z.infer<typeof WorkOptions>): Promise<RenderSettings> {
  return {
    home: await openHome(cli.world.disk, options.home),
    blender: options.blender,
    threads: options.threads,
    compute: {
      local: options.local === false ? 0 : (options.local ?? 1),
      peers: options.peer.length > 0 ? options.peer : "all",
      allowPreview: options.allowPreviews,
    },
    swarm: { swarm: options.swarm, bootstrap: options.bootstrap },
  };
}

function exitCodeOf(outcome: JobOutcome): number {
  if (outcome === "complete") return EXIT.ok;
  return outcome === "cancelled" ? EXIT.interrupted : EXIT.incomplete;
}

/** The end event of a process that exits before its job has ended. */
function lastWords(clock: Clock, job: string, json: boolean) {
  const message = "the process exited before the job had ended";
  const event = endEventBeforeWork(job, "failed", { code: "BUG", message });
  const err = `bug ${message}\n  This is a bug of the bridge: please report it. Resume with: bridge jobs resume ${job}`;
  return json ? { out: JSON.stringify({ ...event, at: clock.now() }), err } : { err };
}
