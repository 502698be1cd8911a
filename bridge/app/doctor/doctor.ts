import type { Home } from "../../config/home.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Disk } from "../../kernel/disk.ts";
import { isFarmError, messageOf } from "../../kernel/errors.ts";
import { silentLog } from "../../kernel/log.ts";
import type { World } from "../../kernel/world.ts";
import { findFfmpeg } from "../../media/video/find-ffmpeg.ts";
import { listGpus } from "../../machine/gpus.ts";
import { probeDocker } from "../../sandbox/docker/docker-probe.ts";
import { findLocalBlenders } from "../job/blender-slots.ts";
import { checkEngine, checkOwner } from "./doctor-donor.ts";
import type { DoctorFinding } from "./finding.ts";
import { openSwarm } from "../swarm/open-swarm.ts";

const LOW_DISK_BYTES = 5 * 2 ** 30;

/** Checks everything this node depends on. */
export async function runChecks(
  world: Pick<World, "clock" | "disk">,
  { home, blender }: { readonly home: Home; readonly blender: string | undefined },
  network: () => Promise<DoctorFinding>,
  signal: AbortSignal,
): Promise<DoctorFinding[]> {
  const node = Number(process.versions.node.split(".")[0]);
  return [
    {
      what: "Node.js",
      ok: node >= 24,
      needed: true,
      detail: process.versions.node,
      fix: node >= 24 ? undefined : "npm run demo (brings Node 24 beside the project)",
    },
    ...(await checkBlenders(home, blender, signal)),
    await checkFfmpeg(signal),
    await checkDisk(world.disk, home),
    await network(),
    ...checkEngine(
      await probeDocker(),
      process.platform,
      (await listGpus()).some(({ vendor }) => vendor === "nvidia"),
    ),
    ...(await checkOwner(world, home)),
  ];
}

async function checkBlenders(home: Home, explicit: string | undefined, signal: AbortSignal): Promise<DoctorFinding[]> {
  try {
    const found = await findLocalBlenders(home, explicit, signal);
    return found.map(({ build, deviceClass }) => ({
      what: `Blender ${build.version}`,
      ok: true,
      needed: true,
      detail: `${build.path}, ${deviceClass.backend} ${deviceClass.arch}, build ${build.buildHash}${build.hasDenoiser ? "" : ", without denoiser"}`,
      fix: undefined,
    }));
  } catch (error) {
    return [{ what: "Blender", ok: false, needed: true, detail: messageOf(error), fix: isFarmError(error) ? error.advice : undefined }];
  }
}

async function checkFfmpeg(signal: AbortSignal): Promise<DoctorFinding> {
  try {
    const { path, version, from } = await findFfmpeg(signal);
    return { what: "ffmpeg", ok: true, needed: false, detail: `${version}, ${path} (${from})`, fix: undefined };
  } catch (error) {
    return {
      what: "ffmpeg",
      ok: false,
      needed: false,
      detail: `${messageOf(error)}; needed for --video`,
      fix: isFarmError(error) ? error.advice : undefined,
    };
  }
}

async function checkDisk(disk: Disk, home: Home): Promise<DoctorFinding> {
  const free = await disk.freeBytes(home.root);
  return {
    what: "disk",
    ok: free > LOW_DISK_BYTES,
    needed: false,
    detail: `${(free / 2 ** 30).toFixed(0)} GiB free in ${home.root}`,
    fix: free > LOW_DISK_BYTES ? undefined : "free some space, or choose another --home",
  };
}

/** Tries to enter the network, as this home's node. */
export async function checkSwarmJoin(clock: Clock, home: Home, signal: AbortSignal): Promise<DoctorFinding> {
  return await networkFindingOf(async () => {
    await using network = await openSwarm(home, { swarm: "public", bootstrap: [], lan: false }, { clock, log: silentLog }, signal);
    return network.multiaddrs();
  });
}

/** `addresses`: the addresses of this node; throws when there is no network. */
export async function networkFindingOf(addresses: () => Promise<readonly string[]>): Promise<DoctorFinding> {
  try {
    const multiaddrs = await addresses();
    return { what: "network", ok: true, needed: false, detail: multiaddrs.join(" "), fix: undefined };
  } catch (error) {
    return { what: "network", ok: false, needed: false, detail: messageOf(error), fix: "this machine still renders alone" };
  }
}
