import { Command, Option } from "commander";
import type { Cli } from "../../cli.ts";
import { collect, parseCount, parseFlag, parseInteger } from "../../option-values.ts";

export function renderCommand(cli: Cli): Command {
  return new Command("render")
    .description("render a scene on the swarm; by default the current frame, as a still")
    .argument("<scene>", "a saved .blend file")
    .optionsGroup("Blender's own flags, with Blender's own meaning:")
    .option("-a, --render-anim", "the scene's animation")
    .option("-f, --render-frame <frames>", "frames: 1,3,5..9 or 1-20x2")
    .option("-S, --scene <name>", "the scene to render")
    .option("-o, --render-output <path>", "where pictures go; # is the frame number")
    .option("-F, --render-format <format>", "PNG, JPEG, OPEN_EXR, OPEN_EXR_MULTILAYER, …")
    .option("-x, --use-extension <bool>", "add the file extension", parseFlag)
    .option("-s, --frame-start <frame>", "first frame", parseInteger)
    .option("-e, --frame-end <frame>", "last frame", parseInteger)
    .option("-j, --frame-jump <frames>", "frame step", parseInteger)
    .option("-t, --threads <n>", "threads of this machine's own Blender", parseCount)
    .optionsGroup("How the work is spread:")
    .option("--tiles <how>", "auto, off or COLUMNSxROWS (default: auto for a still; for an animation whole frames, the last ones in tiles)")
    .option("--local <n>", "render slots on this machine", parseInteger)
    .option("--no-local", "this machine renders nothing itself")
    .option("--peer <peer>", "only this donor: peer id or multiaddr (repeatable)", collect)
    .option("--bootstrap <multiaddr>", "a peer through which to find others (repeatable)", collect)
    .option("--swarm <name>", "the swarm to work with", "public")
    .addOption(
      new Option("--verify <how>", "how many results of other machines are checked").choices(["off", "spot", "full"]).default("spot"),
    )
    .option("--environment <name>", "donors render in this environment: its name or digest; those who lack it get it from here")
    .option("--let-donors-see", "owners of donors may look at small pictures of what they render")
    .option("--video <file>", "also encode the frames: .mp4, .webm, .mov or .mkv")
    .option("--blender <path>", "the Blender to use")
    .action(async (scene: string, options: Record<string, unknown>) => {
      const { runRender } = await import("./run.ts");
      await runRender(cli, scene, options);
    });
}
