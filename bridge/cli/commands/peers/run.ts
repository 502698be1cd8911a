import prettyBytes from "pretty-bytes";
import { z } from "zod";
import { type QueriedDonor, queryDonors } from "../../../app/swarm/peers.ts";
import { openHome } from "../../../config/home.ts";
import { BACKEND_NAMES } from "../../../core/gpu/cycles-devices.ts";
import { silentLog } from "../../../kernel/log.ts";
import type { Cli } from "../../cli.ts";
import { paint } from "../../terminal.ts";
import { gpuText, speedText } from "../../views/gpu-text.ts";
import { table } from "../../views/table.ts";
import { parseOptions } from "../../parse-options.ts";

const addresses = z.array(z.string().max(512)).max(256).default([]);
const PeersOptions = z.object({
  home: z.string().optional(),
  json: z.boolean().default(false),
  peer: addresses,
  bootstrap: addresses,
  swarm: z.string().min(1).max(64),
  wait: z.int().min(1).max(600),
});

/** `bridge peers`: lists donors and their offers. */
export async function peersAction(cli: Cli, raw: Record<string, unknown>): Promise<void> {
  const { home, json, peer, bootstrap, swarm, wait } = parseOptions(PeersOptions, raw);
  const donors = await queryDonors(
    { time: cli.world, log: silentLog },
    await openHome(cli.world.disk, home),
    { swarm: { swarm, bootstrap }, peers: peer, seconds: wait },
    cli.signal,
  );
  if (json) {
    for (const { peer: id, offer, pingMs } of donors) cli.terminal.json({ event: "peer", peerId: id, pingMs, ...offer, type: undefined });
    return;
  }
  if (donors.length === 0) return cli.terminal.line("No donors were found. Start one with `bridge donate`, or name one with --peer.");
  const withGpus = donors.some(({ offer }) => offer.gpus.length > 0);
  const head = ["NAME", "PING", "SLOTS", "CORES", "MEMORY", "LOAD", "SPEED", "BLENDER", ...(withGpus ? ["GPU"] : []), "PEER"];
  cli.terminal.line(table([head, ...donors.map((donor) => row(donor, withGpus))]));
  for (const { offer } of donors)
    if (offer.gpuNote !== undefined) cli.terminal.line(`${paint("yellow", "note")} ${offer.name}: ${offer.gpuNote}`);
}

function row({ peer, offer, pingMs }: QueriedDonor, withGpus: boolean): string[] {
  return [
    offer.name,
    pingMs === undefined ? "-" : `${pingMs < 10 ? pingMs.toFixed(1) : Math.round(pingMs)} ms`,
    `${offer.slots - offer.busySlots}/${offer.slots} free`,
    String(offer.cores),
    prettyBytes(offer.memoryBytes, { maximumFractionDigits: 0 }),
    `${Math.round(offer.load * 100)} %`,
    offer.speed === undefined ? "-" : speedText(offer.speed),
    offer.builds.map(({ blenderVersion, backend }) => `${blenderVersion} ${BACKEND_NAMES[backend]}`).join(", "),
    ...(withGpus ? [offer.gpus.map(gpuText).join("; ") || "-"] : []),
    peer,
  ];
}
