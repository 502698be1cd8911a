import { sameDeviceClass } from "../../core/admission.ts";
import { hasTimeLimit } from "../../core/job/scene-facts.ts";
import { DEFAULT_POLICY } from "../../core/schedule/policy.ts";
import { startSchedule } from "../../core/schedule/schedule.ts";
import { FrameAssembler } from "../delivery/frame-assembler.ts";
import { Checker } from "../verify/checker.ts";
import type { JobFolder } from "../job-folder.ts";
import { type PreparedJob } from "../prepare/prepared-job.ts";
import { JobRun } from "./job-run.ts";
import { PictureCompletion } from "../delivery/picture-completion.ts";
import { TilePublisher } from "../delivery/tile-publisher.ts";
import { outputFolderOf } from "../delivery/output-folder.ts";
import type { FrameDenoiser, JobFinisher, LocalScene } from "../ports.ts";
import { ResultReceiver } from "../results/result-receiver.ts";
import type { StatsCollector } from "./stats-collector.ts";
import type { Ledger } from "../../core/ledger/ledger.ts";
import type { JobPorts } from "../job-ports.ts";

/** The parts of a run that speak to each other, put together. */
export interface ComposedRun {
  readonly run: JobRun;
  readonly results: ResultReceiver;
  readonly assembly: FrameAssembler;
  readonly tiles: TilePublisher | undefined;
}

interface Made {
  readonly finisher: JobFinisher;
  readonly denoiser: FrameDenoiser;
  readonly stats: StatsCollector;
  readonly ledger: Ledger;
}

export function composeRun(ports: JobPorts, prepared: PreparedJob, folder: JobFolder, made: Made): ComposedRun {
  const { plan, journalState } = prepared;
  const { verify = "spot" } = prepared.created.settings;
  const secret = ports.process.world.random.bytes(32);
  const checker = checkerOf(ports, prepared, folder, secret);
  const results = new ResultReceiver(
    { media: ports.results.media, files: folder, trustedSummary: (chunk, signal) => checker.trustedSummary(chunk, signal) },
    { verifies: verify !== "off" },
  );
  const assembly = assemblyOf(ports, prepared, folder, { finisher: made.finisher, denoiser: made.denoiser, results });
  const tiles = prepared.deliver === "raw" ? tilePublisher(ports, prepared, folder, results) : undefined;
  const policy = { ...DEFAULT_POLICY, verify, secret: secret.toString("hex") };
  const run = new JobRun(
    {
      results: { receiver: results, preview: ports.results.preview },
      checks: { checker, sameClass: (deviceClass) => sameDeviceClass(deviceClass, prepared.deviceClass) },
      delivery: { assembly, tiles },
      journal: { append: (records) => ports.journal.append(prepared.id, records) },
      report: { observe: ports.client.observe, stats: made.stats },
      process: { clock: ports.process.world.clock, log: ports.process.log },
    },
    { plan, schedule: startSchedule(plan, journalState), policy, ledger: made.ledger },
  );
  return { run, results, assembly, tiles };
}

function assemblyOf(
  ports: JobPorts,
  prepared: PreparedJob,
  folder: JobFolder,
  made: Pick<Made, "finisher" | "denoiser"> & { readonly results: ResultReceiver },
): FrameAssembler {
  const { plan, facts, journalState, deliver } = prepared;
  return new FrameAssembler(
    {
      media: ports.results.media,
      files: folder,
      assembledPath: ports.delivery.assembledPath(folder),
      finisher: made.finisher,
      completion: new PictureCompletion({
        media: ports.results.media,
        files: folder,
        denoiser: made.denoiser,
        factsOf: (scene) => facts.scenes.find(({ name }) => name === scene),
      }),
      summaryOf: (spec) => made.results.summaryOf(spec),
      drop: (chunk, donor) => made.results.drop(chunk, donor),
    },
    { plan, outputFolder: outputFolderOf(facts.output), movie: movieRangeOf(prepared), deliver },
    journalState.finishedFrames.keys(),
  );
}

function tilePublisher(ports: JobPorts, prepared: PreparedJob, folder: JobFolder, results: ResultReceiver): TilePublisher {
  const { media } = ports.results;
  const { observe } = ports.client;
  return new TilePublisher({ media, files: folder, summaryOf: (spec) => results.summaryOf(spec), observe }, prepared.plan);
}

/** The frames of the movie that the scene itself asks for; without -a Blender writes one movie a frame. */
export function movieRangeOf({ created, facts, deliver }: PreparedJob) {
  const wanted = deliver === "files" && facts.output.isMovie && created.settings.animation;
  return wanted ? { start: facts.frameStart, end: facts.frameEnd, step: facts.frameStep } : undefined;
}

function checkerOf(ports: JobPorts, prepared: PreparedJob, folder: JobFolder, secret: Uint8Array): Checker {
  const overscan = new Map(prepared.facts.scenes.map(({ name, overscanPx }) => [name, overscanPx]));
  const byTheClock = new Set(prepared.facts.scenes.filter(hasTimeLimit).map(({ name }) => name));
  return new Checker(
    {
      world: ports.process.world,
      slots: ports.rendering.checkSlots,
      media: ports.results.media,
      folder,
      observe: ports.client.observe,
      log: ports.process.log,
    },
    {
      scene: sceneInPlace(prepared),
      secret,
      overscanOf: (scene) => overscan.get(scene) ?? 0,
      isByTheClock: (scene) => byTheClock.has(scene),
    },
  );
}

/** The scene where it lies: this machine opens no copy. */
export function sceneInPlace(prepared: PreparedJob): LocalScene {
  return { key: prepared.created.scenePath, path: prepared.created.scenePath, remap: {} };
}
