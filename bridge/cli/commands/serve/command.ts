import { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { collect, integerBetween, parseCount, parsePath, textUpTo } from "../../option-values.ts";

export function createServeCommand(cli: Cli): Command {
  return new Command("serve")
    .description("run the background bridge for the Blender add-on; it can only be reached from this machine")
    .option("--port <n>", "the port to listen on (default: any free port)", integerBetween(0, 65_535))
    .option("--jobs <n>", "jobs running at once (default: 2)", integerBetween(1, 64))
    .option("--until-idle <time>", "stop after this time without clients and jobs: 10m")
    .option("-t, --threads <n>", "threads of this machine's own Blenders", parseCount)
    .option("--bootstrap <multiaddr>", "a peer that helps to find others (repeatable)", collect)
    .option("--swarm <name>", "the swarm to work with", textUpTo(64), "public")
    .option("--no-lan", "do not look for others on the local network")
    .option("--blender <path>", "the Blender to use if a client names none", parsePath)
    .action(async (options: Record<string, unknown>) => {
      const { serveAction } = await import("./run.ts");
      await serveAction(cli, options);
    });
}
