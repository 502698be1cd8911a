import { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { collect, integerBetween, textUpTo } from "../../option-values.ts";

export function createJobsCommand(cli: Cli): Command {
  return new Command("jobs")
    .description("list jobs, and control them")
    .argument("[verb]", "list, show, cancel, pause, resume or retry", "list")
    .argument("[id]", "the job's id; for show, resume and retry the default is the last job")
    .option("--peer <peer>", "resume: only this donor (repeatable)", collect)
    .option("--bootstrap <multiaddr>", "resume: a peer that helps to find others (repeatable)", collect)
    .option("--swarm <name>", "resume: the swarm to work with", textUpTo(64), "public")
    .option("--no-local", "resume: this machine renders nothing itself")
    .option("--local <n>", "resume: render slots on this machine", integerBetween(0, 256))
    .action(async (verb: string, id: string | undefined, options: Record<string, unknown>) => {
      const { jobsAction } = await import("./run.ts");
      await jobsAction(cli, verb, id, options);
    });
}
