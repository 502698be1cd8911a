import { TILES_AS_THEY_ARE } from "../../requester/fixtures/tiles-as-they-are.ts";
import type { Chunk, DonorId } from "../../core/plan/chunk.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import { foldJournal } from "../../core/journal/fold.ts";
import type { JobRecord } from "../../core/journal/records.ts";
import { type Ledger, startLedger } from "../../core/ledger/ledger.ts";
import { filesToFind, type Outcome, outcomeOf } from "../../core/ledger/outcome.ts";
import type { JobPlan } from "../../core/plan/plan.ts";
import { DEFAULT_POLICY } from "../../core/schedule/policy.ts";
import { startSchedule } from "../../core/schedule/schedule.ts";
import type { Verdict } from "../../core/schedule/types.ts";
import { FarmError } from "../../kernel/errors.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import { FrameAssembler } from "../../requester/delivery/frame-assembler.ts";
import { findFiles } from "../../requester/results/find-files.ts";
import { JobRun } from "../../requester/run/job-run.ts";
import type { JobFinisher, JobMedia } from "../../requester/ports.ts";
import { dropMissingFiles } from "../../requester/results/restored-results.ts";
import { restoreResults } from "../../requester/results/restore-results.ts";
import { ResultReceiver } from "../../requester/results/result-receiver.ts";
import { StatsCollector } from "../../requester/run/stats-collector.ts";
import { FakeDonor } from "./fake-donor.ts";
import { MemoryFiles } from "./memory-files.ts";
import { Random } from "../random.ts";
import { SteppedClock, Steps } from "./steps.ts";
import type { Story } from "./story.ts";
import { planOfStory } from "./story-plan.ts";

const SUMMARY = { channels: ["R"], attributes: {}, nonFinite: 0 };

/** One run of a simulated job: the real requester code, with a fake Blender, disk and donors. */
export class SimulatedRun {
  readonly steps = new Steps();
  readonly clock = new SteppedClock();
  readonly events: JobEvent[] = [];
  readonly donors: FakeDonor[] = [];
  readonly chance: Random;
  readonly run: JobRun;
  readonly ledger: Ledger;
  readonly #world: SimulatedWorld;
  readonly #results: ResultReceiver;
  readonly #assembly: FrameAssembler;
  readonly #restored: Promise<void>;

  private constructor(world: SimulatedWorld, journalState: ReturnType<typeof foldJournal>, seed: number) {
    this.#world = world;
    this.chance = new Random(seed);
    const { story, plan, journal } = world;
    const files = world.filesFor(this.steps);
    const media = this.#media(files);
    this.#results = new ResultReceiver(
      { media, files, trustedSummary: () => this.steps.later("sample", () => SUMMARY) },
      { verifies: story.verify !== "off" },
    );
    const movie = story.movie ? { start: 0, end: story.frames - 1, step: 1 } : undefined;
    this.#assembly = new FrameAssembler(
      {
        media,
        files,
        assembledPath: ({ scene, frame }) => `assembled/${scene}-${frame}`,
        completion: TILES_AS_THEY_ARE,
        finisher: this.#finisher(files),
        summaryOf: (scene) => this.#results.summaryOf(scene),
        drop: (chunk, donor) => this.#results.drop(chunk, donor),
      },
      { plan, outputFolder: "out", movie, deliver: story.deliver },
      journalState.finishedFrames.keys(),
    );
    const append = async (records: readonly JobRecord[]) => {
      await this.steps.later("journal", () => void journal.push(...records));
    };
    const totals = { frames: plan.outputs.length, chunks: plan.chunks.length };
    this.ledger = startLedger({ plan, written: journalState.finishedFrames, isMovie: story.movie, inTurn: story.inTurn && !story.movie });
    this.run = new JobRun(
      {
        results: { receiver: this.#results, preview: { add: async () => "preview" } },
        checks: {
          checker: { check: (chunk, { donor }, _sameClass, signal) => this.#check(files, chunk, donor, signal) },
          sameClass: () => true,
        },
        delivery: { assembly: this.#assembly, tiles: undefined },
        journal: { append },
        report: { observe: (event) => void this.events.push(event), stats: new StatsCollector(0, totals, journalState.accepted.keys()) },
        process: { clock: this.clock, log: silentLog },
      },
      {
        plan,
        schedule: startSchedule(plan, journalState),
        policy: { ...DEFAULT_POLICY, verify: story.verify, secret: "secret", spotFirst: story.spot.first, spotOneIn: story.spot.oneIn },
        ledger: this.ledger,
      },
    );
    const prepared = { plan, journalState };
    const { signal } = new AbortController();
    this.#restored = restoreResults(
      { media: this.#atOnce(files), files, results: this.#results, assembly: this.#assembly, tiles: undefined },
      prepared,
      signal,
    );
  }

  /** A run of the job from the state of its journal and disk. */
  static async start(world: SimulatedWorld, seed: number): Promise<SimulatedRun> {
    const folded = foldJournal(world.journal);
    const files = world.filesFor(new Steps());
    const journalState = await dropMissingFiles(systemWorld, { plan: world.plan, journalState: folded }, files, world.story.movie);
    return new SimulatedRun(world, journalState, seed);
  }

  /** Pastes results that were accepted before. */
  async ready(): Promise<void> {
    let isReady = false;
    const restored = this.#restored.finally(() => (isReady = true));
    restored.catch(() => {}); // thrown below
    while (!isReady) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.steps.take(0)?.run();
    }
    await restored;
  }

  addDonor(facts: Story["donors"][number], troubles = facts.troubles): FakeDonor {
    const { steps, chance } = this;
    const deps = { steps, chance, files: this.#world.filesFor(steps), pictureOf: this.#world.pictureOf };
    const donor = new FakeDonor(deps, facts, troubles);
    this.donors.push(donor);
    this.run.addDonor(donor);
    return donor;
  }

  /** The outcome of the run, when it has ended. */
  async outcome(): Promise<Outcome> {
    const files = this.#world.filesFor(this.steps);
    const found = await findFiles({ clock: this.clock, timers: this.clock }, filesToFind(this.ledger), (path) => files.sizeOf(path));
    return outcomeOf(this.ledger, found, { code: "JOB_INCOMPLETE", message: "nobody knows why" });
  }

  async #check(files: MemoryFiles, chunk: Chunk, donor: DonorId, signal: AbortSignal): Promise<Verdict> {
    const { story, pictureOf } = this.#world;
    const look = (): Verdict => {
      if (story.checkFails > 0 && this.chance.oneIn(story.checkFails)) throw new FarmError("BLENDER_CRASHED", "our own Blender crashed");
      const [file] = this.#results.files(chunk.id, donor);
      const content = files.read(files.resultPath(chunk.id, donor, file?.sha256 ?? ""));
      return content === pictureOf(chunk) ? "equal" : "different";
    };
    return await this.steps.later(`check ${chunk.id} of ${donor}`, look, signal);
  }

  #media(files: MemoryFiles): Pick<JobMedia, "check" | "createAssembled" | "paste"> {
    const at = this.#atOnce(files);
    return {
      check: (path, _expectation, signal) => this.steps.later(`gate ${path}`, () => at.gate(path), signal),
      createAssembled: ({ path }, signal) => this.steps.later(`create ${path}`, () => void files.write(path, "{}"), signal),
      paste: ({ resultPath, target, tileRect }, signal) =>
        this.steps.later(
          `paste ${resultPath}`,
          () => {
            const tiles = JSON.parse(files.read(target.path)) as Record<string, string>;
            files.write(target.path, JSON.stringify({ ...tiles, [`${tileRect.x}`]: files.read(resultPath) }));
          },
          signal,
        ),
    };
  }

  #atOnce(files: MemoryFiles) {
    const gate = (path: string) => (files.read(path), SUMMARY);
    return { gate, check: async (path: string) => gate(path) };
  }

  #finisher(files: MemoryFiles): JobFinisher {
    const { story, plan } = this.#world;
    const picture = (frame: number): string => {
      if (story.finishingFails > 0 && frame % story.finishingFails === 1)
        throw new FarmError("FINISHING_FAILED", `frame ${frame} could not be finished: Blender says no`);
      const keys = plan.outputs.find((output) => output.frame === frame)?.sceneFrames ?? [];
      const sceneFrames = plan.sceneFrames.filter(({ key }) => keys.includes(key));
      return sceneFrames.map(({ sceneFrame }) => files.read(`assembled/${sceneFrame.scene}-${sceneFrame.frame}`)).join();
    };
    return {
      finishFrame: (frame, signal) => this.steps.later(`finish ${frame}`, () => [files.write(`out/f_${frame}`, picture(frame))], signal),
      finishMovie: ({ start, end }, signal) =>
        this.steps.later(
          "finish movie",
          () => {
            const frames = Array.from({ length: end - start + 1 }, (_, index) => picture(start + index));
            return [files.write("out/movie", frames.join("|"))];
          },
          signal,
        ),
    };
  }
}

/** State that survives a run: the job's plan, journal and disk. */
export class SimulatedWorld {
  readonly story: Story;
  readonly plan: JobPlan;
  readonly journal: JobRecord[] = [];
  readonly contents = new Map<string, string>();
  readonly #files = new Map<Steps, MemoryFiles>();

  constructor(story: Story) {
    this.story = story;
    this.plan = planOfStory(story);
  }

  readonly pictureOf = ({ spec, id }: Chunk): string => (this.story.equal ? "empty" : `${spec.frame} ${id}`);

  filesFor(steps: Steps): MemoryFiles {
    const files = this.#files.get(steps) ?? new MemoryFiles(steps, this.contents);
    this.#files.set(steps, files);
    return files;
  }
}
