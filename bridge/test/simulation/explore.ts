import type { Outcome } from "../../core/ledger/outcome.ts";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import type { FakeDonor } from "./fake-donor.ts";
import { SimulatedRun, type SimulatedWorld } from "./simulated-job.ts";
import type { Story } from "./story.ts";

/** The outcome of a story: `fault` is a broken invariant. */
export interface Explored {
  readonly ended: "settled" | "cancelled" | "crashed" | FarmError;
  readonly outcome: Outcome;
  /** The steps, in order. */
  readonly trace: readonly string[];
  readonly run: SimulatedRun;
}

/** A job that has not ended after so many steps hangs; normal ones take a few hundred at most. */
const MOST_STEPS = 20_000;

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Runs a job in the order of steps chosen by the seed. Throws when it hangs, or on an error of our own. */
export async function explore(world: SimulatedWorld, seed: number, { kind }: { readonly kind: "stormy" | "calm" }): Promise<Explored> {
  const run = await SimulatedRun.start(world, seed);
  await run.ready();
  const stop = new AbortController();
  const trace: string[] = [];
  let ended: Explored["ended"] | undefined;
  const running = run.run.run(stop.signal).then(
    (how) => (ended = how),
    (error: unknown) => {
      if (!isFarmError(error)) throw error;
      ended = error;
    },
  );
  running.catch(() => {}); // thrown below
  for (const donor of world.story.donors)
    run.addDonor(donor, kind === "calm" ? { ...donor.troubles, crashes: 0, losesTransfers: 0 } : donor.troubles);
  for (let count = 0; ended === undefined; count++) {
    await settled();
    if (ended !== undefined) break;
    if (count > MOST_STEPS) throw new Error(`it hangs; waiting for: ${run.steps.waiting.map(({ name }) => name).join(", ")}`);
    // Pending operations of a killed process never end.
    if (kind === "stormy" && happens(run, world.story.events.crash)) return { ended: "crashed", outcome: await run.outcome(), trace, run };
    trace.push(next(run, world.story, stop, kind));
  }
  await running;
  return { ended, outcome: await run.outcome(), trace, run };
}

/** Performs one step, and returns its description. */
function next(run: SimulatedRun, story: Story, stop: AbortController, kind: "stormy" | "calm"): string {
  const { steps, chance } = run;
  const befallen = kind === "stormy" ? perform(run, story, stop) : undefined;
  if (befallen !== undefined) return befallen;
  if (steps.waiting.length === 0) return wait(run);
  if (chance.oneIn(story.tickOneIn)) return tick(run);
  const step = steps.take(chance.below(steps.waiting.length));
  step?.run();
  return step?.name ?? "nothing";
}

/** Nothing is pending: advances time, and finally resumes what was paused. */
function wait(run: SimulatedRun): string {
  if (run.chance.oneIn(30)) {
    run.run.command("resume");
    for (const donor of run.donors) donor.stand(true);
  }
  return tick(run);
}

function tick(run: SimulatedRun): string {
  run.clock.advance(1_000);
  for (const donor of run.donors) donor.beat();
  return "tick";
}

function happens({ chance }: SimulatedRun, oneIn: number): boolean {
  return oneIn > 0 && chance.oneIn(oneIn);
}

type Event = Exclude<keyof Story["events"], "crash">;

const EVENTS: Record<Event, (run: SimulatedRun, story: Story, stop: AbortController) => string> = {
  gone: (run) => aboutOne(run, (donor) => donor.vanish("its machine is gone")) ?? "nobody goes",
  stand: (run) => aboutOne(run, (donor) => donor.stand(run.chance.oneIn(2))) ?? "nobody stands",
  pause: (run) => {
    const command = run.chance.oneIn(2) ? "pause" : "resume";
    run.run.command(command);
    return command;
  },
  secondLink: (run, story) => {
    const facts = story.donors.filter(({ trusted }) => !trusted)[run.chance.below(3)];
    if (!facts) return "nobody comes again";
    run.addDonor(facts);
    return `${facts.id} comes by another link`;
  },
  cancel: (_run, _story, stop) => {
    stop.abort(new FarmError("CANCELLED", "interrupted"));
    return "cancel";
  },
};

function aboutOne(run: SimulatedRun, act: (donor: FakeDonor) => void): string | undefined {
  const there = run.donors.filter(({ isGone, trusted }) => !isGone && !trusted);
  const donor = there[run.chance.below(Math.max(1, there.length))];
  if (!donor) return undefined;
  act(donor);
  return `something befalls ${donor.id}`;
}

function perform(run: SimulatedRun, story: Story, stop: AbortController): string | undefined {
  for (const [event, act] of Object.entries(EVENTS)) if (happens(run, story.events[event as Event])) return act(run, story, stop);
  return undefined;
}
