import { availableParallelism, cpus, hostname, loadavg, totalmem } from "node:os";
import type { Home } from "../../config/home.ts";
import type { Gpu } from "../../core/gpu/gpu.ts";
import type { StatedTerms } from "../../core/terms/parse-terms.ts";
import { openDatabase } from "../../database/open-database.ts";
import type { Database } from "../../database/types.ts";
import { Donor } from "../../donor/donor.ts";
import type { DonorEnvironments, WarmSession } from "../../donor/ports.ts";
import type { RenderSlots } from "../../donor/render-slots.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { VERSION } from "../../kernel/version.ts";
import type { World } from "../../kernel/world.ts";
import { listGpus } from "../../machine/gpus.ts";
import { MachineMonitor } from "../../machine/machine-monitor.ts";
import { machineWallClock } from "../../machine/wall-clock.ts";
import { lockHome } from "../../network/node/home-lock.ts";
import type { SwarmNetwork } from "../../protocols/frame-stream.ts";
import { Freezer } from "../../sandbox/process/freezer.ts";
import { renderSlots } from "../job/blender-slots.ts";
import { EnvironmentRequests, appendAllowedEnvironment } from "../environments/environment-requests.ts";
import type { DonateEvent } from "../../donor/donate-events.ts";
import { PolicyEnforcer } from "./policy-enforcer.ts";
import { donorEnvironments, requireEnvironments } from "../environments/donor-environments.ts";
import type { DonorDevices } from "./devices/donor-devices.ts";
import { DonationStats } from "./donation-stats.ts";
import { StatusWriter } from "./status-writer.ts";
import { type DonorSandbox, openDonorSandbox, type SandboxChoice } from "./donor-sandbox.ts";
import { PreviewStore } from "../../donor/preview-store.ts";
import { type DonorStatus, statusPath } from "./donor-status.ts";
import { type DonorStoreOptions, startDonorStore, type OwnedDonorStore } from "./donor-store.ts";
import { IdleBenchmark } from "./devices/idle-benchmark.ts";
import { openDonorDevices } from "./devices/open-donor-devices.ts";
import { checkPeerAddresses } from "../swarm/check-addresses.ts";
import { openSwarm, type SwarmOptions } from "../swarm/open-swarm.ts";
import { OwnerSettings } from "./owner-settings.ts";
import { AvailabilityPolicy } from "./policy-state.ts";
import { openScratch } from "../job/scratch.ts";

export interface DonateSettings {
  readonly home: Home;
  readonly sandbox: SandboxChoice;
  readonly name: string | undefined;
  /** The owner's terms of the command line. */
  readonly terms: StatedTerms;
  readonly swarm: SwarmOptions;
}

const MAX_JOBS = 8;
/** When other programs use more than this share of the cores, a benchmark would be wrong. */
const QUIET_LOAD = 0.25;

export interface DonateCallbacks {
  readonly observe: (event: DonateEvent) => void;
  /** Called regularly with the donor's status. */
  readonly status?: (status: DonorStatus) => void;
  readonly log: Log;
  /** May wrap the donor's Blender, for tests. */
  readonly around?: (session: WarmSession) => WarmSession;
}

/** Runs a donor on its owner's terms until the signal aborts. */
export async function donate(world: World, settings: DonateSettings, watching: DonateCallbacks, signal: AbortSignal): Promise<void> {
  const { home } = settings;
  await checkPeerAddresses(settings.swarm.bootstrap, settings.swarm.listen);
  const { clock, disk } = world;
  await using _lock = await lockHome(home.root);
  await using scratch = await openScratch(disk, home);
  await using sandbox = await openDonorSandbox(home, settings.sandbox, signal);
  await using database = openDatabase(home.database, { onCorrupt: (message) => watching.observe({ event: "note", message }) });
  await using machine = new MachineMonitor(clock.monotonicMs());
  const freezer = new Freezer();
  const startFor: DonorSandbox["startFor"] = (...place) => freezer.watch(sandbox.startFor(...place));
  const gpus = await listGpus();
  const { policy, ownerSettings } = openPolicy(database, { clock, machine, gpus }, settings);
  const note = (message: string) => watching.observe({ event: "note", message });
  const devices = await openDonorDevices(
    disk,
    home,
    { blender: sandbox.blender, gpus, scratch, startFor, note },
    { terms: policy.terms(), size: policy.slotSize() },
  );
  await using network = await openSwarm(home, settings.swarm, { clock, log: watching.log }, signal);
  tellOf(sandbox, await sandbox.prepare(network.selfId, scratch), watching);
  await devices.prepare(signal);
  const store = await startDonorStore(network, storeOptions(home, policy, sandbox), { world, log: watching.log });
  await using slots = renderSlots(scratch, sandbox.blender, {
    slots: policy.slots(),
    purpose: "donor",
    untrusted: true,
    ...(watching.around === undefined ? {} : { around: watching.around }),
    threads: () => policy.slotSize().threads,
    startFor: (scene, folder, slot) => startFor(scene, folder, () => policy.slotSize(), slot === undefined ? [] : devices.gpusOf(slot)),
    devices,
  });
  const ledger = new DonationStats(database.settings, clock);
  const inContainers = settings.sandbox.kind === "docker";
  const environments = inContainers
    ? await donorEnvironments({ world, home, network, environments: database.environments, owner: policy, store })
    : undefined;
  if (sandbox.blender === undefined) requireEnvironments(policy.terms());
  const previews = new PreviewStore(disk, await scratch.folder("pictures"));
  const parts = { world, sandbox, environments, network, policy, devices, ownerSettings, store, freezer, slots, ledger, previews };
  await serve(settings, watching, parts, signal);
}

function tellOf(sandbox: DonorSandbox, orphans: number, { observe }: DonateCallbacks): void {
  const removed = orphans === 0 ? [] : [`removed ${orphans} sandboxes left by an earlier donor of this home`];
  for (const message of [...sandbox.warnings, ...removed]) observe({ event: "note", message });
}

interface Parts {
  readonly world: World;
  readonly sandbox: DonorSandbox;
  readonly environments: DonorEnvironments | undefined;
  readonly network: SwarmNetwork;
  readonly policy: AvailabilityPolicy;
  readonly devices: DonorDevices;
  readonly ownerSettings: OwnerSettings;
  readonly store: OwnedDonorStore;
  readonly freezer: Freezer;
  readonly slots: RenderSlots;
  readonly ledger: DonationStats;
  readonly previews: PreviewStore;
}

/** The consumers of a donor's events: status, totals, views, and environment requests. */
function observerOf(
  {
    world,
    report,
    ledger,
    policy,
    asked,
  }: Pick<Parts, "world" | "policy" | "ledger"> & { readonly report: StatusWriter; readonly asked: EnvironmentRequests },
  watching: DonateCallbacks,
): (event: DonateEvent) => void {
  return (event) => {
    report.watch(event);
    ledger.watch(event);
    watching.observe(event);
    const question = asked.watch(event, world.clock.now());
    if (!question) return;
    const { digest, job, requester } = question;
    const term = `environments=${appendAllowedEnvironment(policy.texts.environments, digest)}`;
    watching.observe({ event: "environment-asked", digest, job, requester, term });
  };
}

/** Works until the signal aborts; then says goodbye to all requesters. */
async function serve(settings: DonateSettings, watching: DonateCallbacks, parts: Parts, signal: AbortSignal): Promise<void> {
  const { world, sandbox, network, policy, devices, store, slots, ledger, previews } = parts;
  const { clock } = world;
  const { log } = watching;
  const name = settings.name ?? hostname();
  const power = () => devices.power(policy.hostMetrics?.gpus ?? []);
  const asked = new EnvironmentRequests();
  const report = new StatusWriter(
    { world, policy, ledger, store, slots, previews, power, asked },
    { path: statusPath(settings.home), peerId: network.selfId, name },
  );
  const observe = observerOf({ world, report, ledger, policy, asked }, watching);
  const options = { agent: `p2p-render/${VERSION}`, name, maxJobs: MAX_JOBS };
  const deps = { ...parts, owner: policy, peaks: ledger, clock, log, observe, load, power };
  const donor = new Donor(deps, options);
  await using measure = new IdleBenchmark({ devices, isQuiet: () => isQuiet(policy, donor), clock, log });
  const turned = async (metricsRead: boolean) => {
    measure.turn();
    if (metricsRead) ledger.noteEnergy(policy.hostMetrics, slots.busy);
    ledger.writeSometimes();
    const status = await report.write(donor.jobs);
    if (status) watching.status?.(status);
  };
  const control = new PolicyEnforcer({ ...parts, settings: parts.ownerSettings, donor, clock, log, observe, turned });
  const started = () => {
    const blenders = sandbox.blender === undefined ? [] : [sandbox.blender.build.version];
    const facts = { peerId: network.selfId, multiaddrs: network.multiaddrs(), name, blenders };
    observe({ event: "listening", ...facts, slots: slots.size, threads: policy.slotSize().threads });
  };
  try {
    await work({ policy, donor, control, started }, signal);
  } finally {
    ledger.write();
    await report.remove();
  }
}

async function work(
  {
    policy,
    donor,
    control,
    started,
  }: Pick<Parts, "policy"> & { readonly donor: Donor; readonly control: PolicyEnforcer; readonly started: () => void },
  signal: AbortSignal,
): Promise<void> {
  try {
    await policy.look(); // no job is served before the availability is known
    await donor.start(signal);
    started();
    await control.start();
    await untilAborted(signal);
  } finally {
    await donor.stop();
    await control.stop();
  }
}

function storeOptions(home: Home, policy: AvailabilityPolicy, { seenAt }: DonorSandbox): DonorStoreOptions {
  return {
    blocks: home.blocks,
    scenes: home.scenes,
    ...(seenAt === undefined ? {} : { seenAt }),
    capBytes: policy.terms().diskBytes,
    upload: () => policy.terms().uploadBytesPerSecond,
    download: () => policy.terms().downloadBytesPerSecond,
  };
}

/** A donor that is started by hand is meant to work: an old pause is over. */
function openPolicy(
  database: Database,
  { clock, machine, gpus }: { readonly clock: Clock; readonly machine: MachineMonitor; readonly gpus: readonly Gpu[] },
  { terms }: DonateSettings,
) {
  const ownerSettings = new OwnerSettings(database.settings);
  ownerSettings.setCommand(undefined, clock.now());
  const size = { cores: availableParallelism(), memoryBytes: totalmem() };
  const deps = { settings: ownerSettings, machine, clock, wallClock: machineWallClock };
  return { ownerSettings, policy: new AvailabilityPolicy(deps, { flags: terms, size, gpus }) };
}

/** No job and no user needs this machine, and its owner allows work. */
function isQuiet(policy: AvailabilityPolicy, donor: Donor): boolean {
  return policy.availability().state === "open" && donor.jobs.length === 0 && (policy.hostMetrics?.othersLoad ?? 0) < QUIET_LOAD;
}

function load(): number {
  return (loadavg()[0] ?? 0) / Math.max(1, cpus().length);
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
