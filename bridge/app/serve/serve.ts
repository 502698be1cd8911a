import { join } from "node:path";
import type { Home } from "../../config/home.ts";
import { openDatabase } from "../../database/open-database.ts";
import { Gateway } from "../../gateway/gateway.ts";
import type { JobSummary } from "../../gateway/wire/job-messages.ts";
import { newToken } from "../../gateway/token.ts";
import { childSignal } from "../../kernel/abort.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Disk } from "../../kernel/disk.ts";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import { VERSION } from "../../kernel/version.ts";
import type { World } from "../../kernel/world.ts";
import { lockHome } from "../../network/node/home-lock.ts";
import { findLocalBlenders } from "../job/blender-slots.ts";
import { readGatewayFile, writeGatewayFiles } from "./gateway-files.ts";
import { JobQueue } from "./job-queue.ts";
import { checkPeerAddresses } from "../swarm/check-addresses.ts";
import type { SwarmOptions } from "../swarm/open-swarm.ts";
import { RequesterSwarm } from "../swarm/requester-swarm.ts";
import { openScratch } from "../job/scratch.ts";
import { servedBridge } from "./served-bridge.ts";
import { ServedJobsStore } from "./served-jobs-store.ts";
import { SharedSwarm } from "../swarm/shared-swarm.ts";
import { SwarmMonitor } from "../swarm/swarm-monitor.ts";

export interface ServeSettings {
  readonly home: Home;
  /** 0: any free port. */
  readonly port: number;
  readonly blender: string | undefined;
  readonly threads: number | undefined;
  readonly swarm: SwarmOptions;
  /** Jobs running at once. */
  readonly jobsAtOnce: number;
  /** Stops by itself after this long without clients and jobs. */
  readonly untilIdleMs: number | undefined;
}

export type ServeEvent =
  | {
      readonly event: "serving";
      readonly port: number;
      readonly pid: number;
      readonly home: string;
      readonly tokenFile: string;
      readonly protocol: number;
    }
  | { readonly event: "job"; readonly job: string; readonly state: JobSummary["state"]; readonly title: string }
  | { readonly event: "note"; readonly message: string }
  | { readonly event: "serve-ended"; readonly reason: "interrupted" | "idle" | "asked" };

export interface ServeCallbacks {
  readonly observe: (event: ServeEvent) => void;
  readonly log: Log;
}

const LOOK_EVERY_MS = 1_000;

/** Serves this home's jobs to programs of this machine until it is stopped, or has been idle for long enough. Throws BRIDGE_RUNNING. */
export async function serve(world: World, settings: ServeSettings, watching: ServeCallbacks, parent: AbortSignal): Promise<void> {
  const { home } = settings;
  await checkPeerAddresses(settings.swarm.bootstrap);
  const { observe, log } = watching;
  // A separate node from the home's donor: a computer that submits jobs may donate as well.
  const self = { root: join(home.root, "serve") };
  await using _lock = await lockServing(world.disk, home, self);
  using stop = childSignal(parent);
  await using database = openDatabase(home.database, { onCorrupt: (message) => observe({ event: "note", message }) });
  await using scratch = await openScratch(world.disk, home);
  await using shared = new SharedSwarm(() => RequesterSwarm.open(self, settings.swarm, { world, log }, stop.signal));
  const processContext = { world, home, database, scratch, swarm: shared };
  const store = new ServedJobsStore(processContext);
  await store.sweepUploads();
  const blenders = () => findLocalBlenders(home, settings.blender, stop.signal).catch(() => []);
  await using swarm = new SwarmMonitor({ swarm: shared, blenders, time: world, log }, { swarm: settings.swarm.swarm });
  const tell = ({ job, state, title }: JobSummary) => observe({ event: "job", job, state, title });
  const { jobsAtOnce: atOnce, blender, threads } = settings;
  await using queue = new JobQueue({ processContext, store, tell, log }, { atOnce, blender, threads });
  let reason: Extract<ServeEvent, { event: "serve-ended" }>["reason"] = "interrupted";
  const askedToStop = () => {
    reason = "asked";
    stop.abort();
  };
  const bridge = servedBridge({ processContext, queue, store, swarm, blender, stop: askedToStop });
  const token = newToken(world.random);
  const welcome = { version: VERSION, pid: process.pid, home: home.root, session: world.random.bytes(8).toString("hex") };
  await using gateway = await Gateway.open({ ...world, bridge, token, welcome, log }, { port: settings.port, origins: new Set() });
  await using file = await writeGatewayFiles(world, home, { token, session: welcome.session }, gateway.port);
  observe({ event: "serving", port: file.port, pid: file.pid, home: home.root, tokenFile: file.tokenFile, protocol: file.protocol });
  void shared.enter().catch((error: unknown) => log.warn({ error }, "the swarm could not be joined"));
  const isInUse = () => gateway.clients > 0 || queue.isBusy;
  if (await idled(world.clock, isInUse, settings.untilIdleMs, stop.signal)) reason = "idle";
  observe({ event: "serve-ended", reason });
}

/** Throws BRIDGE_RUNNING, naming the bridge that serves this home. */
async function lockServing(disk: Disk, home: Home, self: { readonly root: string }): Promise<AsyncDisposable> {
  try {
    await disk.mkdir(self.root, { recursive: true, mode: 0o700 });
    return await lockHome(self.root);
  } catch (error) {
    if (!isFarmError(error, "HOME_BUSY")) throw error;
    const running = await readGatewayFile(disk, home);
    const who = running ? `process ${running.pid}, port ${running.port}` : `process ${String(error.facts["pid"])}, just starting`;
    throw new FarmError("BRIDGE_RUNNING", `a bridge already serves ${home.root} (${who})`, { cause: error });
  }
}

/** Waits until the signal aborts, or the bridge was idle for this long; returns which. */
async function idled(clock: Clock, isInUse: () => boolean, limitMs: number | undefined, signal: AbortSignal): Promise<boolean> {
  let usedMs = clock.monotonicMs();
  while (!signal.aborted) {
    await clock.sleep(LOOK_EVERY_MS, signal).catch(() => {});
    const nowMs = clock.monotonicMs();
    if (isInUse()) usedMs = nowMs;
    else if (limitMs !== undefined && nowMs - usedMs >= limitMs) return true;
  }
  return false;
}
