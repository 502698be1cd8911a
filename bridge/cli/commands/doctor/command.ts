import { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { parsePath } from "../../option-values.ts";

export function createDoctorCommand(cli: Cli): Command {
  return new Command("doctor")
    .description("check what works on this machine, and how to fix the rest")
    .option("--blender <path>", "the Blender to check", parsePath)
    .action(async (options: Record<string, unknown>) => {
      const { doctorAction } = await import("./run.ts");
      await doctorAction(cli, options);
    });
}
