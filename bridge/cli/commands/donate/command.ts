import { Command, Option } from "commander";
import { TERM_NAMES } from "../../../core/terms/parse-terms.ts";
import type { Cli } from "../../cli.ts";
import { collect, parseCount } from "../../option-values.ts";

export function donateCommand(cli: Cli): Command {
  return new Command("donate")
    .description("give this computer's power to the swarm, on your own terms")
    .option("--cpus <n>", "threads a Blender may use (default: all cores but one)", parseCount)
    .option("--jobs <n>", "render slots: chunks at the same time (default: 1)", parseCount)
    .option("--memory <size>", "memory for all slots together, for instance 16g")
    .option("--disk <size>", "for scenes and results (default: 20g)")
    .option("--gpu [ids]", "render on these GPUs: all when none is named; numbers, UUIDs or PCI addresses: 0,1")
    .option("--schedule <hours>", 'when to give: "mon-fri 22:00-07:00" (repeatable)', collect)
    .option("--idle <time>", "only when nobody has touched this computer for so long: 5m")
    .option("--max-upload <speed>", "bytes a second, 2m, or 20mbit")
    .option("--max-download <speed>", "bytes a second, 2m, or 20mbit")
    .option("--term <name=value>", "any other term of yours, as `bridge donate set` takes them (repeatable)", collect)
    .addOption(
      new Option("--sandbox <kind>", "where foreign work runs; process is for your own swarm alone")
        .choices(["docker", "process"])
        .default("docker"),
    )
    .option("--environment <image>", "name or id of the container image that work runs in (default: the newest of `bridge env build`)")
    .option("--allow-old-runtime", "use a container runtime that has known holes")
    .option("--allow <peer>", "only these requesters (repeatable)", collect)
    .option("--deny <peer>", "never these requesters (repeatable)", collect)
    .option("--listen <multiaddr>", "where to listen (repeatable)", collect)
    .option("--bootstrap <multiaddr>", "a peer through which to find others (repeatable)", collect)
    .option("--swarm <name>", "the swarm to give to", "public")
    .option("--no-lan", "do not look for others on the local network")
    .option("--name <name>", "what others see")
    .option("--blender <path>", "with --sandbox process: the Blender to use")
    .action(async (options: Record<string, unknown>) => {
      const { runDonate } = await import("./run.ts");
      await runDonate(cli, options);
    })
    .addCommand(donateSetCommand(cli))
    .addCommand(
      donateVerb(cli, "pause", "stop the donor of this home at once; what it renders stands still").option(
        "--finish",
        "finish what it renders",
      ),
    )
    .addCommand(donateVerb(cli, "resume", "let the donor of this home go on"))
    .addCommand(donateVerb(cli, "status", "how the donor of this home stands, and what it gave"))
    .addCommand(donateEvictCommand(cli));
}

function donateEvictCommand(cli: Cli): Command {
  return new Command("evict")
    .description("send a job away from the donor of this home")
    .argument("<job>", "its id, or the beginning of it")
    .action(async (job: string, _: unknown, command: Command) => {
      const { runDonateEvict } = await import("./verbs.ts");
      await runDonateEvict(cli, job, command.optsWithGlobals());
    });
}

function donateSetCommand(cli: Cli): Command {
  return new Command("set")
    .description("change the terms of this home's donor, now and for later; without any: show them")
    .argument("[name=value...]", "for instance cores=50% schedule='22:00-07:00'; name=default takes one back")
    .addHelpText("after", () => `\nTerms:\n${termsHelp()}`)
    .action(async (assignments: string[], _: unknown, command: Command) => {
      const { runDonateSet } = await import("./verbs.ts");
      await runDonateSet(cli, assignments, command.optsWithGlobals());
    });
}

function donateVerb(cli: Cli, verb: "pause" | "resume" | "status", description: string): Command {
  return new Command(verb).description(description).action(async (_: unknown, command: Command) => {
    const { runDonateStatus, runDonateCommand } = await import("./verbs.ts");
    const options = command.optsWithGlobals();
    await (verb === "status" ? runDonateStatus(cli, options) : runDonateCommand(cli, verb, options));
  });
}

function termsHelp(): string {
  return Object.entries(TERM_NAMES)
    .map(([name, meaning]) => `  ${name.padEnd(14)}${meaning}`)
    .join("\n");
}
