import { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { collect, parseCount, parseInteger } from "../../option-values.ts";

export function serveCommand(cli: Cli): Command {
  return new Command("serve")
    .description("the background bridge behind the Blender add-on; reached from this machine only")
    .option("--port <n>", "where to listen (default: any free port)", parseInteger)
    .option("--jobs <n>", "jobs at work side by side (default: 2)", parseCount)
    .option("--until-idle <time>", "end after so long without clients and without work: 10m")
    .option("-t, --threads <n>", "threads of this machine's own Blenders", parseCount)
    .option("--bootstrap <multiaddr>", "a peer through which to find others (repeatable)", collect)
    .option("--swarm <name>", "the swarm to work with", "public")
    .option("--no-lan", "do not look for others on the local network")
    .option("--blender <path>", "the Blender to use where a client names none")
    .action(async (options: Record<string, unknown>) => {
      const { runServe } = await import("./run.ts");
      await runServe(cli, options);
    });
}
