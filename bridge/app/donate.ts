import { availableParallelism, cpus, hostname, loadavg, totalmem } from "node:os";
import type { Home } from "../config/home.ts";
import { Donor, type DonorOptions } from "../donor/donor.ts";
import type { WarmSession } from "../donor/ports.ts";
import type { DonorEvent } from "../donor/serve-job.ts";
import { systemClock } from "../kernel/clock.ts";
import { FarmError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { VERSION } from "../kernel/version.ts";
import { lockHome } from "../network/home-lock.ts";
import { blendersHere, type ChosenBlender, renderSlots } from "./blender-tools.ts";
import { openDonorStore } from "./donor-store.ts";
import { openSwarm, type SwarmOptions } from "./open-swarm.ts";
import { openScratch } from "./scratch.ts";

export interface DonateSettings {
  readonly home: Home;
  readonly blender: string | undefined;
  readonly name: string | undefined;
  readonly threads: number | undefined;
  readonly slots: number;
  readonly diskBytes: number;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly swarm: SwarmOptions;
}

export type DonateEvent =
  | DonorEvent
  | {
      readonly event: "listening";
      readonly peerId: string;
      readonly multiaddrs: readonly string[];
      readonly name: string;
      readonly blenders: readonly string[];
      readonly slots: number;
    };

const MAX_JOBS = 8;

interface DonateWatching {
  readonly observe: (event: DonateEvent) => void;
  readonly log: Log;
}

/** Gives this machine's power until the signal aborts. `around` may stand between the donor and its Blender: tests do. */
export async function donate(
  settings: DonateSettings,
  watching: DonateWatching,
  signal: AbortSignal,
  around: (session: WarmSession) => WarmSession = (session) => session,
): Promise<void> {
  const { home } = settings;
  await using _lock = await lockHome(home.root);
  const [blender] = await blendersHere(home, settings.blender, signal);
  if (!blender) throw new FarmError("BLENDER_NOT_FOUND", "no Blender was found on this machine");
  await using scratch = await openScratch(home);
  await using network = await openSwarm(home, settings.swarm, watching.log, signal);
  const store = await openDonorStore(network, { blocks: home.blocks, scenes: home.scenes, capBytes: settings.diskBytes }, watching.log);
  await using slots = renderSlots(scratch, blender, {
    slots: settings.slots,
    purpose: "donor",
    around,
    ...(settings.threads === undefined ? {} : { threads: settings.threads }),
  });
  const name = settings.name ?? hostname();
  const { log, observe } = watching;
  const load = () => (loadavg()[0] ?? 0) / Math.max(1, cpus().length);
  const donor = new Donor({ network, store, slots, clock: systemClock, log, observe, load }, donorOptions(settings, name, blender));
  await donor.start(signal);
  watching.observe({
    event: "listening",
    peerId: network.selfId,
    multiaddrs: network.multiaddrs(),
    name,
    blenders: [blender.build.version],
    slots: settings.slots,
  });
  await untilAborted(signal);
  await donor.stop();
}

function donorOptions(settings: DonateSettings, name: string, blender: ChosenBlender): DonorOptions {
  return {
    agent: `p2p-render/${VERSION}`,
    name,
    cores: settings.threads ?? availableParallelism(),
    memoryBytes: totalmem(),
    builds: [blender.deviceClass],
    allow: settings.allow,
    deny: settings.deny,
    maxJobs: MAX_JOBS,
  };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
