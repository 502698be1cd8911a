import { Command } from "commander";
import { VERSION } from "../kernel/version.ts";
import type { Cli } from "./cli.ts";
import { createDoctorCommand } from "./commands/doctor/command.ts";
import { createDonateCommand } from "./commands/donate/command.ts";
import { createEnvCommand } from "./commands/env/command.ts";
import { createJobsCommand } from "./commands/jobs/command.ts";
import { createPeersCommand } from "./commands/peers/command.ts";
import { createRenderCommand } from "./commands/render/command.ts";
import { createServeCommand } from "./commands/serve/command.ts";
import { addHelpCommand } from "./help-command.ts";
import { parsePath } from "./option-values.ts";

/** The whole command line. Commands load their modules when they run, so that `--help` is fast. */
export function buildProgram(cli: Cli): Command {
  const program = new Command("bridge")
    .description("Render Blender scenes on a swarm of computers, with the same picture as one Blender.")
    .version(VERSION);
  program
    .addCommand(createRenderCommand(cli))
    .addCommand(createDonateCommand(cli))
    .addCommand(createPeersCommand(cli))
    .addCommand(createJobsCommand(cli))
    .addCommand(createEnvCommand(cli))
    .addCommand(createServeCommand(cli))
    .addCommand(createDoctorCommand(cli));
  for (const command of program.commands) {
    for (const each of [command, ...command.commands]) addCommonOptions(each);
    if (command.commands.length > 0) addHelpCommand(command);
  }
  addHelpCommand(program);
  for (const command of withSubcommands(program)) throwErrors(command, cli);
  return program;
}

/** Listed by each command's help, also where the parser takes them from the command above. */
function addCommonOptions(command: Command): void {
  command
    .option("--home <dir>", "folder of this node's identity, cache and jobs (or BRIDGE_HOME)", parsePath)
    .option("--json", "print one JSON object per line");
}

/** Errors of the option parser are thrown and not printed: they get the form of all errors. */
function throwErrors(command: Command, { terminal }: Cli): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => terminal.line(text.trimEnd()),
    writeErr: (text) => terminal.error(text.trimEnd()),
    outputError: () => {},
  });
}

function withSubcommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
