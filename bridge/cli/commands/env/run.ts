import prettyBytes from "pretty-bytes";
import prettyMs from "pretty-ms";
import { z } from "zod";
import { type BuildEvent, buildEnvironment } from "../../../app/environments/build-environment.ts";
import {
  type ListedEnvironment,
  listEnvironments,
  removeEnvironment,
  shareEnvironment,
  unshareEnvironment,
} from "../../../app/environments/environment-catalog.ts";
import { openHome } from "../../../config/home.ts";
import { environmentName } from "../../../core/environments/facts.ts";
import { GPU_VENDORS } from "../../../core/environments/recipe.ts";
import type { EnvironmentRow } from "../../../database/types.ts";
import type { Cli } from "../../cli.ts";
import { parseOptions } from "../../parse-options.ts";
import { table } from "../../views/table.ts";

const Shared = { home: z.string().optional(), json: z.boolean().default(false) };
const BuildOptions = z.object({
  ...Shared,
  blender: z.string().max(32).optional(),
  sha256: z.string().max(64).optional(),
  gpu: z.union([z.enum(GPU_VENDORS), z.boolean()]).optional(),
  base: z.string().min(1).max(256).optional(),
});
const EnvOptions = z.object({ ...Shared, stop: z.boolean().default(false) });

/** `bridge env build`. */
export async function envBuildAction(cli: Cli, raw: Record<string, unknown>): Promise<void> {
  const { home, json, gpu, ...wanted } = parseOptions(BuildOptions, raw);
  const { clock } = cli.world;
  const startMs = clock.monotonicMs();
  const maker = gpu === true ? "nvidia" : gpu || undefined;
  const row = await buildEnvironment(
    cli.world,
    { ...wanted, home: await openHome(cli.world.disk, home), gpu: maker },
    (event) => tell(cli, event, json),
    cli.signal,
  );
  if (json) return cli.terminal.json({ event: "environment", ...plain(row) });
  const { facts, bytes, digest } = row;
  cli.terminal.line(
    [
      `${environmentName(facts, digest)} is ready after ${prettyMs(clock.monotonicMs() - startMs, { secondsDecimalDigits: 0 })}.`,
      `  Blender ${facts.blenderVersion} (${facts.buildHash}), ${facts.backends.join(", ")}, ${prettyBytes(bytes)}`,
      `  sha256:${digest}`,
    ].join("\n"),
  );
}

/** `bridge env list`. */
export async function envListAction(cli: Cli, raw: Record<string, unknown>): Promise<void> {
  const { home, json } = parseOptions(EnvOptions, raw);
  const listed = await listEnvironments(await openHome(cli.world.disk, home));
  if (json) {
    for (const { isHere, sentBytes, ...row } of listed) cli.terminal.json({ event: "environment", ...plain(row), isHere, sentBytes });
    return;
  }
  if (listed.length === 0) return cli.terminal.line("There are no environments in this home. Build one with `bridge env build`.");
  cli.terminal.line(table([["NAME", "BLENDER", "DEVICES", "SIZE", "FROM", "SHARED", ""], ...listed.map(cellsOf)]));
}

/** `bridge env share`; --stop ends sharing. */
export async function envShareAction(cli: Cli, reference: string, raw: Record<string, unknown>): Promise<void> {
  const { home: folder, json, stop } = parseOptions(EnvOptions, raw);
  const home = await openHome(cli.world.disk, folder);
  const progress = (layers: number, bytes: number) => {
    if (!json) cli.terminal.line(`  ${layers} ${layers === 1 ? "layer" : "layers"}, ${prettyBytes(bytes)}`);
  };
  const row = stop ? await unshareEnvironment(home, reference) : await shareEnvironment(home, reference, progress, cli.signal);
  if (json) return cli.terminal.json({ event: "environment", ...plain(row) });
  const name = environmentName(row.facts, row.digest);
  cli.terminal.line(stop ? `${name} is no longer shared.` : `${name} is shared with peers while this node renders or donates.`);
}

/** `bridge env remove`. */
export async function envRemoveAction(cli: Cli, reference: string, raw: Record<string, unknown>): Promise<void> {
  const { home, json } = parseOptions(EnvOptions, raw);
  const row = await removeEnvironment(await openHome(cli.world.disk, home), reference);
  if (json) return cli.terminal.json({ event: "environment-removed", digest: row.digest });
  cli.terminal.line(`${environmentName(row.facts, row.digest)} is removed.`);
}

function tell(cli: Cli, event: BuildEvent, json: boolean): void {
  if (json) cli.terminal.json(event);
  else cli.terminal.line(event.event === "note" ? event.message : `  ${event.line}`);
}

function plain({ facts, digest, bytes, addedAt, origin, isShared }: EnvironmentRow): Record<string, unknown> {
  return { name: environmentName(facts, digest), digest, ...facts, bytes, addedAt, origin, isShared };
}

function cellsOf({ name, facts, bytes, origin, isShared, isHere, sentBytes }: ListedEnvironment): string[] {
  const { blenderVersion, buildHash, backends } = facts;
  return [
    name,
    `${blenderVersion} (${buildHash})`,
    backends.join(","),
    prettyBytes(bytes),
    origin === "built" ? origin : origin.map((peer) => `…${peer.slice(-6)}`).join(","),
    isShared ? (sentBytes === undefined ? "no blocks" : prettyBytes(sentBytes)) : "no",
    isHere === false ? "not in the engine" : "",
  ];
}
