import { Command } from "commander";
import { VERSION } from "../kernel/version.ts";
import type { Cli } from "./cli.ts";
import { doctorCommand } from "./commands/doctor/command.ts";
import { donateCommand } from "./commands/donate/command.ts";
import { envCommand } from "./commands/env/command.ts";
import { jobsCommand } from "./commands/jobs/command.ts";
import { peersCommand } from "./commands/peers/command.ts";
import { renderCommand } from "./commands/render/command.ts";
import { serveCommand } from "./commands/serve/command.ts";

/** The whole command line. Commands load their modules when they run, so that `--help` is fast. */
export function buildProgram(cli: Cli): Command {
  const program = new Command("bridge")
    .description("Render Blender scenes on a swarm of computers, with the same picture as one Blender.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeErr: (text) => cli.terminal.error(text.trimEnd()) })
    .showHelpAfterError("(see `bridge <command> --help`)");
  program
    .addCommand(renderCommand(cli))
    .addCommand(donateCommand(cli))
    .addCommand(peersCommand(cli))
    .addCommand(jobsCommand(cli))
    .addCommand(envCommand(cli))
    .addCommand(serveCommand(cli))
    .addCommand(doctorCommand(cli));
  for (const command of program.commands) {
    for (const each of [command, ...command.commands]) {
      each.exitOverride().configureOutput({ writeErr: (text) => cli.terminal.error(text.trimEnd()) });
    }
    command
      .option("--home <dir>", "folder of this node's identity, cache and jobs (or BRIDGE_HOME)")
      .option("--json", "print one JSON object per line");
  }
  return program;
}
