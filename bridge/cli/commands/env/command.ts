import { Command } from "commander";
import type { Cli } from "../../cli.ts";
import { textUpTo } from "../../option-values.ts";

/** `bridge env …`: environments, the container images that work runs in. */
export function createEnvCommand(cli: Cli): Command {
  const commands = () => import("./run.ts");
  return new Command("env")
    .description("environments: the container images that Blender runs in")
    .addCommand(
      new Command("build")
        .description("build an environment; by default with the version of this machine's Blender, for the CPU")
        .option("--blender <version>", "the version: 3.4, 4.3, 5.2 from Debian, or in full with --sha256")
        .option("--sha256 <hex>", "use the official build whose Linux archive has this SHA-256")
        .option("--gpu [maker]", "support GPUs of a vendor: nvidia, amd or intel (default: nvidia)")
        .option("--base <image>", "the image to build on (default: debian, or one made here by debootstrap)", textUpTo(256))
        .action(async (_: unknown, command: Command) => (await commands()).envBuildAction(cli, command.optsWithGlobals())),
    )
    .addCommand(
      new Command("list")
        .description("what is here")
        .action(async (_: unknown, command: Command) => (await commands()).envListAction(cli, command.optsWithGlobals())),
    )
    .addCommand(
      new Command("share")
        .description("share one with peers")
        .argument("<environment>", "its name, digest, or Blender version")
        .option("--stop", "stop sharing it")
        .action(async (environment: string, _: unknown, command: Command) =>
          (await commands()).envShareAction(cli, environment, command.optsWithGlobals()),
        ),
    )
    .addCommand(
      new Command("remove")
        .description("remove one from the engine and from this home")
        .argument("<environment>", "its name, digest, or Blender version")
        .action(async (environment: string, _: unknown, command: Command) =>
          (await commands()).envRemoveAction(cli, environment, command.optsWithGlobals()),
        ),
    );
}
