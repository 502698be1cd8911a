import { z } from "zod";
import { donate } from "../../../app/donate/donate.ts";
import type { DonateEvent } from "../../../donor/donate-events.ts";
import type { SandboxChoice } from "../../../app/donate/donor-sandbox.ts";
import { type Home, openHome } from "../../../config/home.ts";
import { parseTermAssignment, readTerms, type TermName, type TermTexts } from "../../../core/terms/parse-terms.ts";
import { TERMS_LIMITS } from "../../../core/terms/terms-limits.ts";
import { FarmError } from "../../../kernel/errors.ts";
import { jsonLog, silentLog } from "../../../kernel/log.ts";
import type { World } from "../../../kernel/world.ts";
import type { Cli } from "../../cli.ts";
import { donorView } from "../../views/donor-view.ts";
import { parseOptions } from "../../parse-options.ts";

const addresses = z.array(z.string().max(512)).max(256).default([]);
const { maxTextChars, maxListed, maxCores, maxSlots } = TERMS_LIMITS;
const Text = z.string().max(maxTextChars);
const text = Text.optional();
const list = z.array(Text).max(maxListed).optional();

const DonateOptions = z.object({
  home: z.string().optional(),
  json: z.boolean().default(false),
  cpus: z.int().min(1).max(maxCores).optional(),
  jobs: z.int().min(1).max(maxSlots).optional(),
  memory: text,
  disk: text,
  gpu: z.union([z.literal(true), Text]).optional(),
  schedule: list,
  idle: text,
  maxUpload: text,
  maxDownload: text,
  term: list,
  sandbox: z.enum(["docker", "process"]),
  environment: z.string().max(512).optional(),
  allowOldRuntime: z.boolean().default(false),
  allow: list,
  deny: list,
  listen: addresses,
  bootstrap: addresses,
  swarm: z.string().min(1).max(64),
  lan: z.boolean(),
  name: z.string().max(64).optional(),
  blender: z.string().optional(),
});

/** `bridge donate`: runs a donor until it is stopped. */
export async function donateAction(cli: Cli, raw: Record<string, unknown>): Promise<void> {
  const options = parseOptions(DonateOptions, raw);
  const log = process.env["BRIDGE_DEBUG"] ? jsonLog(cli.world.clock, (line) => cli.terminal.error(line), "debug") : silentLog;
  const home = await openHome(cli.world.disk, options.home);
  const terms = readTerms(textsOf(options)); // what is wrong is said before anything is opened
  const view = donorView(cli.terminal, { clock: cli.world.clock, json: options.json, keys: keysOf(cli.world, home) });
  try {
    await donate(
      cli.world,
      {
        home,
        sandbox: sandboxOf(options),
        name: options.name,
        terms,
        swarm: { swarm: options.swarm, bootstrap: options.bootstrap, listen: options.listen, lan: options.lan },
      },
      { observe: (event: DonateEvent) => view.show(event), status: (status) => view.stand(status), log },
      cli.signal,
    );
  } finally {
    view.end();
  }
}

/** Scenes of others run in containers unless plain processes are requested. Throws USAGE for options that contradict each other. */
function sandboxOf({ sandbox, blender, environment, allowOldRuntime }: z.infer<typeof DonateOptions>): SandboxChoice {
  if (sandbox === "docker" && blender !== undefined) {
    throw new FarmError("USAGE", "--blender names a Blender of this machine, but containers have their own", {
      advice: "Name an --environment instead, or use --sandbox process if all requesters are your own machines.",
    });
  }
  if (sandbox === "process" && environment !== undefined) throw new FarmError("USAGE", "--environment is for --sandbox docker");
  return sandbox === "docker" ? { kind: "docker", environment, allowOldRuntime } : { kind: "process", blender };
}

/** The owner's terms as they stand on the command line. */
function textsOf(options: z.infer<typeof DonateOptions>): TermTexts {
  const { cpus, jobs, memory, disk, gpu, schedule, idle, maxUpload, maxDownload, allow, deny } = options;
  const said: Partial<Record<TermName, string | undefined>> = {
    cores: cpus === undefined ? undefined : `${cpus} each`,
    slots: jobs === undefined ? undefined : String(jobs),
    memory,
    disk,
    gpus: gpu === true ? "all" : gpu,
    schedule: schedule?.join("; "),
    idle,
    upload: maxUpload,
    download: maxDownload,
    allow: allow?.join(","),
    deny: deny?.join(","),
  };
  for (const assignment of options.term ?? []) {
    const { name, text: value } = parseTermAssignment(assignment);
    said[name] = value;
  }
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as TermTexts;
}

/** Actions of single keys in the live view. */
function keysOf(world: World, home: Home) {
  const owner = () => import("../../../app/donate/donor-control-client.ts");
  return {
    pause: async (isPaused: boolean) => void (await (await owner()).commandDonor(world, home, isPaused ? undefined : "freeze")),
    finish: async () => void (await (await owner()).commandDonor(world, home, "finish")),
    allow: async (digest: string) => await (await owner()).allowEnvironment(world, home, digest),
    evict: async (job: string) => void (await (await owner()).evictJob(world, home, job)),
  };
}
