import { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { collect, integerBetween, textUpTo } from "../../option-values.ts";

export function createPeersCommand(cli: Cli): Command {
  return new Command("peers")
    .description("list donors and their offers")
    .option("--peer <peer>", "also query this peer (repeatable)", collect)
    .option("--bootstrap <multiaddr>", "a peer that helps to find others (repeatable)", collect)
    .option("--swarm <name>", "the swarm to search", textUpTo(64), "public")
    .option("--wait <seconds>", "how long to search", integerBetween(1, 600), 3)
    .action(async (options: Record<string, unknown>) => {
      const { peersAction } = await import("./run.ts");
      await peersAction(cli, options);
    });
}
