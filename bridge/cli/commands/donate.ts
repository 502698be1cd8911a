import { z } from "zod";
import { donate, type DonateEvent } from "../../app/donate.ts";
import { openHome } from "../../config/home.ts";
import { parseSize } from "../../config/sizes.ts";
import { jsonLog, silentLog } from "../../kernel/log.ts";
import type { Cli } from "../program.ts";
import { paint } from "../terminal.ts";
import { parseOptions } from "./render.ts";

const addresses = z.array(z.string().max(512)).max(256).default([]);

const DonateOptions = z.object({
  home: z.string().optional(),
  json: z.boolean().default(false),
  cpus: z.int().min(1).max(4096).optional(),
  jobs: z.int().min(1).max(256),
  disk: z.string().max(32),
  sandbox: z.literal("process"),
  allow: addresses,
  deny: addresses,
  listen: addresses,
  bootstrap: addresses,
  swarm: z.string().min(1).max(64),
  lan: z.boolean(),
  name: z.string().max(64).optional(),
  blender: z.string().optional(),
});

/** `bridge donate`: gives until it is stopped. */
export async function runDonate(cli: Cli, raw: Record<string, unknown>): Promise<void> {
  const options = parseOptions(DonateOptions, raw);
  const log = process.env["BRIDGE_DEBUG"] ? jsonLog((line) => cli.terminal.error(line), "debug") : silentLog;
  const observe = (event: DonateEvent) => {
    if (options.json) return cli.terminal.json(event);
    const line = describe(event);
    if (line !== undefined) cli.terminal.line(line);
  };
  await donate(
    {
      home: await openHome(options.home),
      blender: options.blender,
      name: options.name,
      threads: options.cpus,
      slots: options.jobs,
      diskBytes: parseSize(options.disk),
      allow: options.allow,
      deny: options.deny,
      swarm: { swarm: options.swarm, bootstrap: options.bootstrap, listen: options.listen, lan: options.lan },
    },
    { observe, log },
    cli.signal,
  );
}

function describe(event: DonateEvent): string | undefined {
  switch (event.event) {
    case "listening":
      return [
        `${paint("green", "●")} ${paint("bold", event.name)} gives ${event.slots === 1 ? "1 render slot" : `${event.slots} render slots`} with Blender ${event.blenders.join(", ")}`,
        ...event.multiaddrs.map((address) => paint("gray", `  ${address}`)),
        paint("gray", "  Ctrl-C stops."),
      ].join("\n");
    case "job-opened":
      return `${paint("cyan", "job")} ${event.job} from ${event.requester}`;
    case "job-closed":
      return `${paint("gray", "job")} ${event.job} closed`;
    case "chunk-rendered":
      return `${paint("green", "done")} chunk ${event.lease} of ${event.job} in ${event.seconds.toFixed(1)} s`;
    case "chunk-failed":
      return event.code === "CANCELLED" ? undefined : `${paint("yellow", "failed")} chunk ${event.lease} of ${event.job} (${event.code})`;
    default:
      return undefined;
  }
}
