import { expect, it } from "vitest";
import { explore } from "../../test/simulation/explore.ts";
import { SimulatedWorld } from "../../test/simulation/simulated-job.ts";
import { storyOf } from "../../test/simulation/story.ts";

const NOTHING = { gone: 0, stand: 0, pause: 0, secondLink: 0, cancel: 0, crash: 0 };
const HONEST = { crashes: 0, losesTransfers: 0, lies: false };
const donor = (id: string) => ({ id, trusted: false, slots: 1, troubles: HONEST });

/** Two frames of one tile, rendered by two honest donors. */
const world = () =>
  new SimulatedWorld({
    ...storyOf(1),
    frames: 2,
    tiles: 1,
    kind: "raw",
    shared: false,
    movie: false,
    inOrder: false,
    deliver: "files",
    inTurn: false,
    verify: "spot",
    checkFails: 0,
    finishingFails: 0,
    donors: [donor("a"), donor("b")],
    events: NOTHING,
  });

it("closes a donor that joins after the end of the job", async () => {
  const { run, ended } = await explore(world(), 1, { kind: "stormy" });
  expect(ended).toBe("settled");
  expect(run.addDonor(donor("c")).isGone).toBe(true);
});

it("closes the first link of a donor that joins by a second one, and loses no work", async () => {
  const { run, outcome } = await explore(new SimulatedWorld({ ...world().story, events: { ...NOTHING, secondLink: 4 } }), 3, {
    kind: "stormy",
  });
  expect(outcome).toMatchObject({ outcome: "complete", missing: [] });
  expect(run.donors.length).toBeGreaterThan(2);
  expect(run.donors.every(({ isGone }) => isGone)).toBe(true);
});
