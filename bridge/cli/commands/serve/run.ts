import { z } from "zod";
import { serve, type ServeEvent } from "../../../app/serve/serve.ts";
import { openHome } from "../../../config/home.ts";
import { parseDuration } from "../../../core/amounts.ts";
import { jsonLog, silentLog } from "../../../kernel/log.ts";
import type { Cli } from "../../cli.ts";
import { paint } from "../../terminal.ts";
import { parseOptions } from "../../parse-options.ts";

const ServeOptions = z.object({
  home: z.string().optional(),
  json: z.boolean().default(false),
  port: z.int().min(0).max(65_535).default(0),
  jobs: z.int().min(1).max(64).default(2),
  untilIdle: z.string().max(64).optional(),
  blender: z.string().optional(),
  threads: z.int().min(1).max(4096).optional(),
  bootstrap: z.array(z.string().max(512)).max(64).default([]),
  swarm: z.string().min(1).max(64).default("public"),
  lan: z.boolean().default(true),
});

/** `bridge serve`: the bridge behind the Blender add-on. */
export async function serveAction(cli: Cli, raw: Record<string, unknown>): Promise<void> {
  const { home, json, port, jobs, untilIdle, blender, threads, bootstrap, swarm, lan } = parseOptions(ServeOptions, raw);
  const settings = {
    home: await openHome(cli.world.disk, home),
    port,
    blender,
    threads,
    swarm: { swarm, bootstrap, lan },
    jobsAtOnce: jobs,
    untilIdleMs: untilIdle === undefined ? undefined : parseDuration(untilIdle),
  };
  const log = process.env["BRIDGE_DEBUG"] ? jsonLog(cli.world.clock, (line) => cli.terminal.error(line), "debug") : silentLog;
  const observe = (event: ServeEvent) => (json ? cli.terminal.json(event) : cli.terminal.line(lineOf(event)));
  await serve(cli.world, settings, { observe, log }, cli.signal);
}

function lineOf(event: ServeEvent): string {
  switch (event.event) {
    case "serving":
      return `${paint("green", "serving")} ${event.home} on port ${event.port} of this machine. Ctrl-C stops it; unfinished jobs wait for the next start.`;
    case "job":
      return `${event.state.padEnd(10)} ${event.job}  ${event.title}`;
    case "note":
      return paint("yellow", event.message);
    case "serve-ended":
      return event.reason === "idle" ? "stopped: it was not used" : "stopped; unfinished jobs wait for the next start";
  }
}
