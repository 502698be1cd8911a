import { Command } from "commander";
import type { Cli } from "../../cli.ts";

export function doctorCommand(cli: Cli): Command {
  return new Command("doctor")
    .description("what works here, what does not, and the command that fixes it")
    .option("--blender <path>", "the Blender to look at")
    .action(async (options: Record<string, unknown>) => {
      const { runDoctor } = await import("./run.ts");
      await runDoctor(cli, options);
    });
}
