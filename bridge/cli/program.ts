import { Command, InvalidArgumentError, Option } from "commander";
import { TERM_NAMES } from "../core/terms/parse-terms.ts";
import { VERSION } from "../kernel/version.ts";
import { envCommand } from "./env-command.ts";
import type { Terminal } from "./terminal.ts";

/** What a command may use of the outside. */
export interface Cli {
  readonly terminal: Terminal;
  /** Aborts on the first Ctrl-C. */
  readonly signal: AbortSignal;
  exitWith(code: number): void;
}

/** The whole command line. Commands load what they need when they run, so that `--help` answers at once. */
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
      .option("--json", "one JSON object a line");
  }
  return program;
}

function renderCommand(cli: Cli): Command {
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
      const { runRender } = await import("./commands/render.ts");
      await runRender(cli, scene, options);
    });
}

function donateCommand(cli: Cli): Command {
  return new Command("donate")
    .description("give this computer's power to the swarm, on your own terms")
    .option("--cpus <n>", "threads a Blender may use (default: all cores but one)", parseCount)
    .option("--jobs <n>", "render slots: chunks at the same time (default: 1)", parseCount)
    .option("--memory <size>", "memory for all slots together, for instance 16g")
    .option("--disk <size>", "for scenes and results (default: 20g)")
    .option("--gpu [ids]", "render on these GPUs: all when none is named; numbers, UUIDs or PCI addresses: 0,1")
    .option("--schedule <hours>", 'when to give: "mon-fri 22:00-07:00" (repeatable)', collect)
    .option("--idle <time>", "only when nobody has touched this computer for so long: 5m")
    .option("--max-upload <speed>", "bytes a second, 2m, or 20mbit")
    .option("--max-download <speed>", "bytes a second, 2m, or 20mbit")
    .option("--term <name=value>", "any other term of yours, as `bridge donate set` takes them (repeatable)", collect)
    .addOption(
      new Option("--sandbox <kind>", "where foreign work runs; process is for your own swarm alone")
        .choices(["docker", "process"])
        .default("docker"),
    )
    .option("--environment <image>", "name or id of the container image that work runs in (default: the newest of `bridge env build`)")
    .option("--allow-old-runtime", "use a container runtime that has known holes")
    .option("--allow <peer>", "only these requesters (repeatable)", collect)
    .option("--deny <peer>", "never these requesters (repeatable)", collect)
    .option("--listen <multiaddr>", "where to listen (repeatable)", collect)
    .option("--bootstrap <multiaddr>", "a peer through which to find others (repeatable)", collect)
    .option("--swarm <name>", "the swarm to give to", "public")
    .option("--no-lan", "do not look for others on the local network")
    .option("--name <name>", "what others see")
    .option("--blender <path>", "with --sandbox process: the Blender to use")
    .action(async (options: Record<string, unknown>) => {
      const { runDonate } = await import("./commands/donate.ts");
      await runDonate(cli, options);
    })
    .addCommand(donateSetCommand(cli))
    .addCommand(
      donateVerb(cli, "pause", "stop the donor of this home at once; what it renders stands still").option(
        "--finish",
        "finish what it renders",
      ),
    )
    .addCommand(donateVerb(cli, "resume", "let the donor of this home go on"))
    .addCommand(donateVerb(cli, "status", "how the donor of this home stands, and what it gave"))
    .addCommand(donateEvictCommand(cli));
}

function donateEvictCommand(cli: Cli): Command {
  return new Command("evict")
    .description("send a job away from the donor of this home")
    .argument("<job>", "its id, or the beginning of it")
    .action(async (job: string, _: unknown, command: Command) => {
      const { runDonateEvict } = await import("./commands/donate-verbs.ts");
      await runDonateEvict(cli, job, command.optsWithGlobals());
    });
}

function donateSetCommand(cli: Cli): Command {
  return new Command("set")
    .description("change the terms of this home's donor, now and for later; without any: show them")
    .argument("[name=value...]", "for instance cores=50% schedule='22:00-07:00'; name=default takes one back")
    .addHelpText("after", () => `\nTerms:\n${termsHelp()}`)
    .action(async (assignments: string[], _: unknown, command: Command) => {
      const { runDonateSet } = await import("./commands/donate-verbs.ts");
      await runDonateSet(cli, assignments, command.optsWithGlobals());
    });
}

function donateVerb(cli: Cli, verb: "pause" | "resume" | "status", description: string): Command {
  return new Command(verb).description(description).action(async (_: unknown, command: Command) => {
    const { runDonateStatus, runDonateCommand } = await import("./commands/donate-verbs.ts");
    const options = command.optsWithGlobals();
    await (verb === "status" ? runDonateStatus(cli, options) : runDonateCommand(cli, verb, options));
  });
}

function peersCommand(cli: Cli): Command {
  return new Command("peers")
    .description("who is there and what they offer")
    .option("--peer <peer>", "ask this one too (repeatable)", collect)
    .option("--bootstrap <multiaddr>", "a peer through which to find others (repeatable)", collect)
    .option("--swarm <name>", "the swarm to look at", "public")
    .option("--wait <seconds>", "how long to look", parseCount, 3)
    .action(async (options: Record<string, unknown>) => {
      const { runPeers } = await import("./commands/peers.ts");
      await runPeers(cli, options);
    });
}

function jobsCommand(cli: Cli): Command {
  return new Command("jobs")
    .description("the job list and its verbs")
    .argument("[verb]", "list, show, cancel, pause, resume or retry", "list")
    .argument("[id]", "the job; for resume and retry the last one when left out")
    .option("--peer <peer>", "resume: only this donor (repeatable)", collect)
    .option("--bootstrap <multiaddr>", "resume: a peer through which to find others (repeatable)", collect)
    .option("--swarm <name>", "resume: the swarm to work with", "public")
    .option("--no-local", "resume: this machine renders nothing itself")
    .option("--local <n>", "resume: render slots on this machine", parseInteger)
    .action(async (verb: string, id: string | undefined, options: Record<string, unknown>) => {
      const { runJobs } = await import("./commands/jobs.ts");
      await runJobs(cli, verb, id, options);
    });
}

function serveCommand(cli: Cli): Command {
  return new Command("serve")
    .description("the background bridge behind the Blender add-on; reached from this machine only")
    .option("--port <n>", "where to listen (default: any free port)", parseInteger)
    .option("--jobs <n>", "jobs at work side by side (default: 2)", parseCount)
    .option("--until-idle <time>", "end after so long without clients and without work: 10m")
    .option("-t, --threads <n>", "threads of this machine's own Blenders", parseCount)
    .option("--bootstrap <multiaddr>", "a peer through which to find others (repeatable)", collect)
    .option("--swarm <name>", "the swarm to work with", "public")
    .option("--no-lan", "do not look for others on the local network")
    .option("--blender <path>", "the Blender to use where a client names none")
    .action(async (options: Record<string, unknown>) => {
      const { runServe } = await import("./commands/serve.ts");
      await runServe(cli, options);
    });
}

function doctorCommand(cli: Cli): Command {
  return new Command("doctor")
    .description("what works here, what does not, and the command that fixes it")
    .option("--blender <path>", "the Blender to look at")
    .action(async (options: Record<string, unknown>) => {
      const { runDoctor } = await import("./commands/doctor.ts");
      await runDoctor(cli, options);
    });
}

function termsHelp(): string {
  return Object.entries(TERM_NAMES)
    .map(([name, meaning]) => `  ${name.padEnd(14)}${meaning}`)
    .join("\n");
}

function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function parseInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError("Write a whole number.");
  return value;
}

function parseCount(text: string): number {
  const value = parseInteger(text);
  if (value < 1 || value > 4096) throw new InvalidArgumentError("Write a whole number from 1 to 4096.");
  return value;
}

/** As Blender reads it: 1/true or 0/false. */
function parseFlag(text: string): boolean {
  if (["1", "true"].includes(text.toLowerCase())) return true;
  if (["0", "false"].includes(text.toLowerCase())) return false;
  throw new InvalidArgumentError("Write 0 or 1.");
}
