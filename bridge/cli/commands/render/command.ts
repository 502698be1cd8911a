import { Command } from "commander";
import { BLENDER_FLAGS, JOB_OPTIONS } from "../../../core/job/job-options.ts";
import type { Cli } from "../../cli.ts";
import { addDeclared } from "../../declared-options.ts";
import { collect, integerBetween, parseCount, parsePath, textUpTo } from "../../option-values.ts";

export function createRenderCommand(cli: Cli): Command {
  const command = new Command("render")
    .description("render a scene on the swarm; by default the current frame, as a still")
    .argument("<scene>", "a saved .blend file", parsePath)
    .optionsGroup("Blender's own flags, with the same meaning as in Blender:");
  addDeclared(command, BLENDER_FLAGS).option("-t, --threads <n>", "threads of this machine's own Blender", parseCount);
  command.optionsGroup("The job:");
  addDeclared(command, JOB_OPTIONS);
  return command
    .optionsGroup("Where the job is rendered:")
    .option("--local <n>", "render slots on this machine", integerBetween(0, 256))
    .option("--no-local", "this machine renders nothing itself")
    .option("--peer <peer>", "only this donor: peer id or multiaddr (repeatable)", collect)
    .option("--bootstrap <multiaddr>", "a peer that helps to find others (repeatable)", collect)
    .option("--swarm <name>", "the swarm to work with", textUpTo(64), "public")
    .option("--allow-previews", "owners of donors may see previews of what they render")
    .option("--blender <path>", "the Blender to use", parsePath)
    .action(async (scene: string, options: Record<string, unknown>) => {
      const { renderAction } = await import("./run.ts");
      await renderAction(cli, scene, options);
    });
}
