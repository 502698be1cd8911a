import { sameDeviceClass } from "../core/admission.ts";
import { isByTheClock } from "../core/job/scene-facts.ts";
import { DEFAULT_POLICY } from "../core/schedule/policy.ts";
import { startSchedule } from "../core/schedule/schedule.ts";
import { FrameAssembler } from "./delivery/frame-assembler.ts";
import { Checker } from "./verify/checker.ts";
import type { JobFolder } from "./job-folder.ts";
import { type PreparedJob, settingsOf } from "./prepared-job.ts";
import { JobRun } from "./job-run.ts";
import { TilePublisher } from "./delivery/tile-publisher.ts";
import { outputFolderOf } from "./delivery/output-folder.ts";
import type { JobFinisher, LocalScene } from "./ports.ts";
import { ResultReceiver } from "./results/result-receiver.ts";
import type { StatsCollector } from "./stats-collector.ts";
import type { Ledger } from "../core/ledger/ledger.ts";
import type { WorkDeps } from "./run-prepared-job.ts";

/** Apron around checked crops with adaptive sampling, px: what the planner gives tiles. */
const ADAPTIVE_OVERSCAN = 16;

/** The parts of a run that speak to each other, put together. */
export interface ComposedRun {
  readonly run: JobRun;
  readonly results: ResultReceiver;
  readonly assembly: FrameAssembler;
  readonly tiles: TilePublisher | undefined;
}

interface Made {
  readonly finisher: JobFinisher;
  readonly tally: StatsCollector;
  readonly ledger: Ledger;
}

export function composeRun(deps: WorkDeps, order: PreparedJob, folder: JobFolder, made: Made): ComposedRun {
  const { plan, memory, created } = order;
  const chunks = new Map(plan.chunks.map((chunk) => [chunk.id, chunk]));
  const secret = deps.random.bytes(32);
  const checker = checkerOf(deps, order, folder, secret);
  const results = new ResultReceiver(
    { media: deps.media, files: folder, trustedSummary: (chunk, signal) => checker.trustedSummary(chunk, signal) },
    { verifies: created.verify !== "off" },
  );
  const assembly = assemblyOf(deps, order, folder, { finisher: made.finisher, results });
  const tiles = order.deliver === "raw" ? tilePublisher(deps, order, folder, results) : undefined;
  const policy = { ...DEFAULT_POLICY, verify: created.verify, secret: secret.toString("hex") };
  const run = new JobRun(
    {
      append: (records) => deps.history.append(order.id, records),
      results,
      assembly,
      tiles,
      check: (id, donor, sameClass, signal) => {
        const chunk = chunks.get(id);
        if (!chunk) throw new Error(`no chunk ${id}`);
        return checker.check(chunk, { donor, files: results.files(id, donor) }, sameClass, signal);
      },
      preview: deps.preview,
      tally: made.tally,
      sameClass: (deviceClass) => sameDeviceClass(deviceClass, order.deviceClass),
      observe: deps.observe,
      clock: deps.clock,
      log: deps.log,
    },
    { plan, schedule: startSchedule(plan, memory), policy, ledger: made.ledger },
  );
  return { run, results, assembly, tiles };
}

function assemblyOf(
  deps: WorkDeps,
  order: PreparedJob,
  folder: JobFolder,
  made: { readonly finisher: Made["finisher"]; readonly results: ResultReceiver },
): FrameAssembler {
  const { plan, facts, memory, deliver } = order;
  return new FrameAssembler(
    {
      media: deps.media,
      files: folder,
      assembledPath: deps.assembledPath(folder),
      finisher: made.finisher,
      summaryOf: (scene) => made.results.summaryOf(scene),
      drop: (chunk, donor) => made.results.drop(chunk, donor),
    },
    { plan, outputFolder: outputFolderOf(facts.output), movie: movieOf(order), deliver },
    memory.finishedFrames.keys(),
  );
}

function tilePublisher(deps: WorkDeps, order: PreparedJob, folder: JobFolder, results: ResultReceiver): TilePublisher {
  const { media, observe } = deps;
  return new TilePublisher({ media, files: folder, summaryOf: (scene) => results.summaryOf(scene), observe }, order.plan);
}

/** The frames of the movie that the scene itself asks for; without -a Blender writes one movie a frame. */
export function movieOf({ created, facts, deliver }: PreparedJob) {
  const wanted = deliver === "files" && facts.output.isMovie && settingsOf(created).animation;
  return wanted ? { start: facts.frameStart, end: facts.frameEnd, step: facts.frameStep } : undefined;
}

function checkerOf(deps: WorkDeps, order: PreparedJob, folder: JobFolder, secret: Uint8Array): Checker {
  const adaptive = new Set(order.facts.scenes.filter((scene) => scene.adaptive).map(({ name }) => name));
  const byTheClock = new Set(order.facts.scenes.filter(isByTheClock).map(({ name }) => name));
  return new Checker(
    { world: deps, slots: deps.checkSlots, media: deps.media, folder, observe: deps.observe, log: deps.log },
    {
      scene: ownScene(order),
      secret,
      overscanOf: (scene) => (adaptive.has(scene) ? ADAPTIVE_OVERSCAN : 0),
      isByTheClock: (scene) => byTheClock.has(scene),
    },
  );
}

/** The scene where it lies: this machine opens no copy. */
export function ownScene(order: PreparedJob): LocalScene {
  return { key: order.created.scenePath, path: order.created.scenePath, remap: {} };
}
