import { Command, Option } from "commander";
import { TERM_NAMES } from "../../../core/terms/parse-terms.ts";
import type { Cli } from "../../cli.ts";
import { collect, integerBetween, parseCount, parsePath, textUpTo } from "../../option-values.ts";

export function createDonateCommand(cli: Cli): Command {
  return new Command("donate")
    .description("render for the swarm on this computer, on your own terms")
    .option("--cpus <n>", "threads a Blender may use (default: all cores but one)", parseCount)
    .option("--jobs <n>", "render slots: chunks at the same time (default: 1)", integerBetween(1, 256))
    .option("--memory <size>", "memory for all slots together, for instance 16g")
    .option("--disk <size>", "for scenes and results (default: 20g)")
    .option("--gpu [ids]", "render on these GPUs: indexes, UUIDs or PCI addresses, for instance 0,1; all if none is named")
    .option("--schedule <hours>", 'when to donate: "mon-fri 22:00-07:00" (repeatable)', collect)
    .option("--idle <time>", "only after this much time without keyboard or mouse input: 5m")
    .option("--max-upload <speed>", "upload limit: bytes per second (2m) or 20mbit")
    .option("--max-download <speed>", "download limit: bytes per second (2m) or 20mbit")
    .option("--term <name=value>", "any other term, as for `bridge donate set` (repeatable)", collect)
    .addOption(
      new Option("--sandbox <kind>", "how scenes of others are run; process is only for your own swarm")
        .choices(["docker", "process"])
        .default("docker"),
    )
    .option(
      "--environment <image>",
      "name or id of the container image to render in (default: the newest of `bridge env build`)",
      textUpTo(512),
    )
    .option("--allow-old-runtime", "accept a container runtime with known vulnerabilities")
    .option("--allow <peer>", "only these requesters (repeatable)", collect)
    .option("--deny <peer>", "never these requesters (repeatable)", collect)
    .option("--listen <multiaddr>", "the address to listen on (repeatable)", collect)
    .option("--bootstrap <multiaddr>", "a peer that helps to find others (repeatable)", collect)
    .option("--swarm <name>", "the swarm to render for", textUpTo(64), "public")
    .option("--no-lan", "do not look for others on the local network")
    .option("--name <name>", "the name shown to others", textUpTo(64))
    .option("--blender <path>", "with --sandbox process: the Blender to use", parsePath)
    .action(async (options: Record<string, unknown>) => {
      const { donateAction } = await import("./run.ts");
      await donateAction(cli, options);
    })
    .addCommand(donateSetCommand(cli))
    .addCommand(
      donateVerb(cli, "pause", "pause the donor of this home at once, with its running chunks").option(
        "--finish",
        "finish the running chunks first",
      ),
    )
    .addCommand(donateVerb(cli, "resume", "resume the donor of this home"))
    .addCommand(donateVerb(cli, "status", "show the status of this home's donor, and its donated work"))
    .addCommand(donateEvictCommand(cli));
}

function donateEvictCommand(cli: Cli): Command {
  return new Command("evict")
    .description("remove a job from the donor of this home")
    .argument("<job>", "its id, or a prefix of it")
    .action(async (job: string, _: unknown, command: Command) => {
      const { donateEvictAction } = await import("./verbs.ts");
      await donateEvictAction(cli, job, command.optsWithGlobals());
    });
}

function donateSetCommand(cli: Cli): Command {
  return new Command("set")
    .description("change and store the terms of this home's donor; without arguments: show them")
    .argument("[name=value...]", "for instance cores=50% schedule='22:00-07:00'; name=default resets one")
    .addHelpText("after", () => `\nTerms:\n${termsHelp()}`)
    .action(async (assignments: string[], _: unknown, command: Command) => {
      const { donateSetAction } = await import("./verbs.ts");
      await donateSetAction(cli, assignments, command.optsWithGlobals());
    });
}

function donateVerb(cli: Cli, verb: "pause" | "resume" | "status", description: string): Command {
  return new Command(verb).description(description).action(async (_: unknown, command: Command) => {
    const { donateStatusAction, donatePauseAction } = await import("./verbs.ts");
    const options = command.optsWithGlobals();
    await (verb === "status" ? donateStatusAction(cli, options) : donatePauseAction(cli, verb, options));
  });
}

function termsHelp(): string {
  return Object.entries(TERM_NAMES)
    .map(([name, meaning]) => `  ${name.padEnd(14)}${meaning}`)
    .join("\n");
}
