import { z } from "zod";
import { jobNamed, type StoredJobReport, type ListedJob, listJobs, reportJob } from "../../../app/render/jobs.ts";
import { commandJob, isPausedInBridge } from "../../../app/render/job-commands.ts";
import type { JobCommand } from "../../../database/types.ts";
import { type Home, openHome } from "../../../config/home.ts";
import { FarmError, isFarmError } from "../../../kernel/errors.ts";
import type { Cli } from "../../cli.ts";
import { counted } from "../../views/counted.ts";
import { table } from "../../views/table.ts";
import { parseOptions } from "../../parse-options.ts";
import { runJobWithView, WorkOptions } from "../render/run-task.ts";

const Verb = z.enum(["list", "show", "cancel", "pause", "resume", "retry"]);

/** `bridge jobs`: the job list and its verbs. */
export async function jobsAction(cli: Cli, verbText: string, id: string | undefined, raw: Record<string, unknown>): Promise<void> {
  const verb = Verb.safeParse(verbText);
  if (!verb.success)
    throw new FarmError("USAGE", `"${verbText}" is no verb of bridge jobs`, {
      advice: "Write list, show, cancel, pause, resume or retry.",
    });
  const options = parseOptions(WorkOptions, raw);
  if (id === undefined && (verb.data === "cancel" || verb.data === "pause"))
    throw new FarmError("USAGE", `bridge jobs ${verb.data} needs the id of a job`, { advice: "List the jobs with `bridge jobs`." });
  const home = await openHome(cli.world.disk, options.home);
  switch (verb.data) {
    case "list":
      return showList(cli, await listJobs(cli.world.clock, home), options.json);
    case "show":
      return showJob(cli, await reportJob(cli.world.clock, home, id), options.json);
    case "cancel":
    case "pause":
      return await command(cli, { home, json: options.json }, await jobNamed(home, id), verb.data);
    case "resume":
    case "retry":
      return await resume(cli, home, id, options);
  }
}

/** Resumes the job here, or in the bridge that has it paused. */
async function resume(cli: Cli, home: Home, id: string | undefined, options: z.infer<typeof WorkOptions>): Promise<void> {
  const job = await jobNamed(home, id);
  const there = { home, json: options.json };
  if (await isPausedInBridge(cli.world.clock, home, job)) return await command(cli, there, job, "resume");
  try {
    await runJobWithView(cli, { kind: "resume", job }, options);
  } catch (error) {
    if (!isFarmError(error, "JOB_BUSY")) throw error;
    await command(cli, there, job, "resume");
  }
}

async function command(cli: Cli, { home, json }: { home: Home; json: boolean }, job: string, wanted: JobCommand): Promise<void> {
  const { isSent } = await commandJob(cli.world.clock, home, job, wanted);
  if (json) return cli.terminal.json({ event: "job-command", job, command: wanted, isSent });
  cli.terminal.line(isSent ? `${wanted} was sent to job ${job}` : `job ${job} is cancelled`);
}

function showList(cli: Cli, jobs: readonly ListedJob[], json: boolean): void {
  if (json) return jobs.forEach((job) => cli.terminal.json({ event: "job", ...job }));
  if (jobs.length === 0) return cli.terminal.line("No jobs yet. Start one with `bridge render scene.blend`.");
  cli.terminal.line(
    table([
      ["JOB", "STATE", "SCENE", "BEGUN"],
      ...jobs.map((job) => [job.id, job.state, job.title, new Date(job.createdAt).toLocaleString()]),
    ]),
  );
}

function showJob(cli: Cli, report: StoredJobReport, json: boolean): void {
  if (json) return cli.terminal.json({ event: "job", ...report });
  const { job, error, chunksDone, chunksTotal, framesDone, framesTotal, chunksByDonor, outputs, banned } = report;
  cli.terminal.line(
    [
      `${job.id}  ${job.state}  ${job.scenePath}`,
      `  ${framesDone} of ${counted(framesTotal, "frame")}, ${chunksDone} of ${counted(chunksTotal, "chunk")}`,
      ...(error === null ? [] : [`  ended by ${error.code}: ${error.message}`]),
      ...Object.entries(chunksByDonor).map(
        ([donor, count]) => `  ${String(count).padStart(5)} ${count === 1 ? "chunk" : "chunks"} by ${donor}`,
      ),
      ...banned.map((donor) => `  banned: ${donor}`),
      ...outputs.slice(0, 20).map((path) => `  ${path}`),
      ...(outputs.length > 20 ? [`  … and ${outputs.length - 20} more`] : []),
    ].join("\n"),
  );
}
