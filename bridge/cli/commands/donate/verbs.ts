import { z } from "zod";
import { donorStatus, evictJob, setTerms, commandDonor } from "../../../app/donate/donor-control-client.ts";
import type { DonorStatus } from "../../../app/donate/donor-status.ts";
import { openHome } from "../../../config/home.ts";
import { parseTermAssignment, type TermName } from "../../../core/terms/parse-terms.ts";
import { FarmError } from "../../../kernel/errors.ts";
import type { Cli } from "../../cli.ts";
import { drawStatus } from "../../views/donor-picture.ts";
import { parseOptions } from "../../parse-options.ts";

const VerbOptions = z.object({ home: z.string().optional(), json: z.boolean().default(false), finish: z.boolean().default(false) });

/** `bridge donate set name=value …`; "name=default" resets a term. Without arguments: prints the terms. */
export async function donateSetAction(cli: Cli, assignments: readonly string[], raw: Record<string, unknown>): Promise<void> {
  const { home, json } = parseOptions(VerbOptions, raw);
  const texts: Partial<Record<TermName, string | undefined>> = {};
  for (const assignment of assignments) {
    const { name, text } = parseTermAssignment(assignment);
    texts[name] = text === "default" ? undefined : text;
  }
  const { terms, running } = await setTerms(cli.world, await openHome(cli.world.disk, home), texts);
  if (json) return cli.terminal.json({ event: "terms", terms: running?.terms ?? terms, running: running !== undefined });
  const lines = Object.entries(running?.terms ?? terms).map(([name, text]) => `  ${name}=${text}`);
  const head = running ? "The running donor now has these terms:" : "The next `bridge donate` will have these terms:";
  cli.terminal.line([head, ...(lines.length === 0 ? ["  all defaults"] : lines)].join("\n"));
}

/** `bridge donate pause|resume`. */
export async function donatePauseAction(cli: Cli, verb: "pause" | "resume", raw: Record<string, unknown>): Promise<void> {
  const { home, json, finish } = parseOptions(VerbOptions, raw);
  const command = verb === "resume" ? undefined : finish ? "finish" : "freeze";
  show(cli, await commandDonor(cli.world, await openHome(cli.world.disk, home), command), json);
}

/** `bridge donate status`. */
export async function donateStatusAction(cli: Cli, raw: Record<string, unknown>): Promise<void> {
  const { home, json } = parseOptions(VerbOptions, raw);
  show(cli, await donorStatus(cli.world, await openHome(cli.world.disk, home)), json);
}

/** `bridge donate evict <job>`. */
export async function donateEvictAction(cli: Cli, job: string, raw: Record<string, unknown>): Promise<void> {
  const { home, json } = parseOptions(VerbOptions, raw);
  if (job.trim() === "") throw new FarmError("USAGE", "no job is named", { advice: "See the jobs with `bridge donate status`." });
  const evicted = await evictJob(cli.world, await openHome(cli.world.disk, home), job);
  if (json) return cli.terminal.json({ event: "job-evicted", job: evicted });
  cli.terminal.line(`Job ${evicted} was evicted; it is not accepted again until the donor is restarted.`);
}

function show(cli: Cli, status: DonorStatus, json: boolean): void {
  if (json) cli.terminal.json({ event: "donor", ...status });
  else cli.terminal.line(drawStatus(status, { nowMs: cli.world.clock.now(), columns: cli.terminal.columns }));
}
