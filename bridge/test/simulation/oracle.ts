import { foldJournal } from "../../core/journal/fold.ts";
import type { ErrorCode } from "../../kernel/error-codes.ts";
import { FarmError } from "../../kernel/errors.ts";
import { type Explored, explore } from "./explore.ts";
import { SimulatedWorld } from "./simulated-job.ts";
import { type Story, storyOf } from "./story.ts";

/** A broken invariant of a story's job. */
export class BrokenPromise extends Error {
  constructor(promise: string, story: Story, trace: readonly string[]) {
    super(`seed ${story.seed}: ${promise}\n${JSON.stringify(story)}\n${trace.join("\n")}`);
  }
}

/** Errors that may end a job without a dishonest donor. */
const EXPECTED_ENDS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["NO_DONORS", "CHECK_FAILED", "FINISHING_FAILED"]);

/** Runs the job of a seed to its end, and checks every invariant; then resumes it without failures, to its end. */
export async function hold(seed: number): Promise<{ readonly steps: number; readonly complete: boolean }> {
  const story = storyOf(seed);
  const world = new SimulatedWorld(story);
  const stormy = await watched(world, story, seed, "stormy");
  checkEnd(world, story, stormy);
  const complete = stormy.outcome.outcome === "complete" && stormy.ended === "settled";
  if (!complete) await checkResume(world, story, stormy);
  return { steps: stormy.trace.length, complete };
}

async function watched(world: SimulatedWorld, story: Story, seed: number, kind: "stormy" | "calm"): Promise<Explored> {
  try {
    return await explore(world, seed, { kind });
  } catch (error) {
    throw new BrokenPromise(`${kind}: ${error instanceof Error ? error.message : String(error)}`, story, []);
  }
}

function checkEnd(world: SimulatedWorld, story: Story, explored: Explored): void {
  const broken = (promise: string) => new BrokenPromise(promise, story, explored.trace);
  const { ended } = explored;
  if (ended instanceof FarmError && !EXPECTED_ENDS.has(ended.code)) throw broken(`it ended by ${ended.code}: ${ended.message}`);
  checkPictures(world, explored, broken);
  if (ended === "settled") checkSettled(world, explored, broken);
  checkJournal(world, explored, broken);
  if (story.inTurn) checkFrameOrder(explored, broken);
  checkNoHonestBan(story, explored, broken);
}

type Broken = (promise: string) => BrokenPromise;

/** Every file not reported as missing exists, and is the correct picture. */
function checkPictures(world: SimulatedWorld, { outcome }: Explored, broken: Broken): void {
  const missing = new Set(outcome.missing.map(({ frame }) => frame));
  for (const { frame } of world.plan.outputs) {
    if (!missing.has(frame) && deliveredOf(world, frame) !== truthOf(world, frame)) throw broken(`frame ${frame} exists and is wrong`);
  }
}

/** A job that ended by itself has a reason for each missing file, and leaves no temporary files when none is missing. */
function checkSettled(world: SimulatedWorld, { outcome, run }: Explored, broken: Broken): void {
  for (const { frame, code } of outcome.missing) if (code === "JOB_INCOMPLETE") throw broken(`frame ${frame} was lost without a reason`);
  const left = world.filesFor(run.steps).below("results");
  if (outcome.outcome === "complete" && left.length > 0) throw broken(`it left ${left.join()}`);
}

/** No honest donor is banned for its results. */
function checkNoHonestBan({ donors }: Story, { run }: Explored, broken: Broken): void {
  const liars = new Set(donors.filter(({ troubles }) => troubles.lies).map(({ id }) => id));
  for (const event of run.events) {
    if (event.event !== "donor-banned" || !/pixels|broken/.test(event.reason) || liars.has(event.donor)) continue;
    throw broken(`${event.donor} was banned: ${event.reason}`);
  }
}

/** If order matters, no frame is finished before an earlier requested one. */
function checkFrameOrder({ run }: Explored, broken: Broken): void {
  const finished = run.events.flatMap((event) => (event.event === "frame-finished" ? [event.frame] : []));
  const inOrder = finished.toSorted((a, b) => a - b); // stories ask for their frames in ascending order
  if (finished.join() !== inOrder.join()) throw broken(`frames were finished in the order ${finished.join()}`);
}

/** Events are sent only after their records are written. */
function checkJournal({ journal }: SimulatedWorld, { run }: Explored, broken: Broken): void {
  const accepted = new Set(journal.flatMap((record) => (record.type === "chunk-accepted" ? [record.chunk] : [])));
  const finished = new Set(journal.flatMap((record) => (record.type === "frame-finished" ? [record.frame] : [])));
  for (const event of run.events) {
    if (event.event === "chunk-accepted" && !accepted.has(event.chunk))
      throw broken(`${event.chunk} was sent as accepted without a journal record`);
    if (event.event === "frame-finished" && !finished.has(event.frame))
      throw broken(`frame ${event.frame} was sent as finished without a journal record`);
  }
}

/** Accepted chunks are not rendered again, and everything that can be rendered exists in the end. */
async function checkResume(world: SimulatedWorld, story: Story, before: Explored): Promise<void> {
  world.journal.push({ type: "resumed" });
  const files = world.filesFor(before.run.steps);
  const { accepted } = foldJournal(world.journal);
  const safe = new Set(
    [...accepted.values()]
      .filter((each) => each.files.every(({ sha256 }) => files.contents.has(files.resultPath(each.chunk, each.donor, sha256))))
      .map(({ chunk }) => chunk),
  );
  const helped = new SimulatedWorld({
    ...story,
    checkFails: 0,
    donors: [{ id: "local", trusted: true, slots: 1, troubles: { crashes: 0, losesTransfers: 0, lies: false } }],
  });
  helped.journal.push(...world.journal);
  for (const [path, content] of world.contents) helped.contents.set(path, content);
  const after = await watched(helped, story, story.seed + 1, "calm");
  const broken = (promise: string) => new BrokenPromise(`resumed: ${promise}`, story, [...before.trace, "-- resumed", ...after.trace]);
  for (const donor of after.run.donors)
    for (const chunk of donor.rendered) if (safe.has(chunk)) throw broken(`${chunk} was accepted and is rendered again`);
  checkEnd(helped, story, after);
  if (story.finishingFails === 0 && (after.ended !== "settled" || after.outcome.outcome !== "complete"))
    throw broken(`it ended ${after.ended instanceof FarmError ? after.ended.code : after.ended}, ${after.outcome.outcome}`);
}

function truthOf(world: SimulatedWorld, frame: number): string {
  const { plan, story } = world;
  const of = (at: number) => {
    const keys = plan.outputs.find((output) => output.frame === at)?.sceneFrames ?? [];
    const chunks = plan.sceneFrames
      .filter(({ key }) => keys.includes(key))
      .flatMap((sceneFrame) => sceneFrame.chunks.map((id) => plan.chunks.find((chunk) => chunk.id === id)));
    const pictures = chunks.flatMap((chunk) => (chunk ? [world.pictureOf(chunk)] : []));
    return story.kind === "files"
      ? pictures.join()
      : JSON.stringify(Object.fromEntries(pictures.map((picture, index) => [`${index}`, picture])));
  };
  return story.movie ? plan.outputs.map((output) => of(output.frame)).join("|") : of(frame);
}

function deliveredOf({ story, contents, plan }: SimulatedWorld, frame: number): string | undefined {
  const picture = () => contents.get(story.movie ? "out/movie" : `out/f_${frame}`);
  const [sceneFrame] = plan.outputs.find((output) => output.frame === frame)?.sceneFrames ?? [];
  const raw = () => contents.get(`assembled/Scene-${plan.sceneFrames.find(({ key }) => key === sceneFrame)?.sceneFrame.frame}`);
  const delivered = story.deliver === "raw" ? raw() : picture();
  if (delivered === undefined || story.kind === "files") return delivered;
  // Tiles are pasted in any order.
  return delivered
    .split("|")
    .map((picture) =>
      JSON.stringify(
        Object.fromEntries(Object.entries(JSON.parse(picture) as Record<string, string>).toSorted(([a], [b]) => Number(a) - Number(b))),
      ),
    )
    .join("|");
}
