import { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { collect, parseCount } from "../../option-values.ts";

export function peersCommand(cli: Cli): Command {
  return new Command("peers")
    .description("who is there and what they offer")
    .option("--peer <peer>", "ask this one too (repeatable)", collect)
    .option("--bootstrap <multiaddr>", "a peer through which to find others (repeatable)", collect)
    .option("--swarm <name>", "the swarm to look at", "public")
    .option("--wait <seconds>", "how long to look", parseCount, 3)
    .action(async (options: Record<string, unknown>) => {
      const { runPeers } = await import("./run.ts");
      await runPeers(cli, options);
    });
}
