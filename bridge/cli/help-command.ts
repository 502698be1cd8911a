import { Command } from "commander";
import { FarmError } from "../kernel/errors.ts";

/** `bridge help [command...]`; the parser's own prints the general help for a command that does not exist. */
export function addHelpCommand(parent: Command): void {
  parent.helpCommand(false).addCommand(
    new Command("help")
      .description("show the help of a command")
      .argument("[command...]")
      .action((names: readonly string[]) => commandNamed(parent, names).help()),
  );
}

function commandNamed(parent: Command, names: readonly string[]): Command {
  let found = parent;
  for (const name of names) {
    const next = found.commands.find((command) => command.name() === name || command.aliases().includes(name));
    if (!next) throw new FarmError("USAGE", `"${name}" is no command of bridge`, { advice: "See `bridge --help` for all commands." });
    found = next;
  }
  return found;
}
