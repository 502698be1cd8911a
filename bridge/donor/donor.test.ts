import { describe, expect, it } from "vitest";
import { type Availability, OPEN } from "../core/terms/availability.ts";
import { DEFAULT_TERMS, type Terms } from "../core/terms/terms.ts";
import { systemClock } from "../kernel/time/clock.ts";
import { silentLog } from "../kernel/log.ts";
import { systemWorld } from "../kernel/world.ts";
import { encodeMessage, readMessage } from "../protocols/codec.ts";
import type { FrameStream, SwarmNetwork } from "../protocols/frame-stream.ts";
import { DonorMessage, LEASE_PROTOCOL, type RequesterMessage } from "../protocols/lease/messages.ts";
import { OFFER_LIMITS, OFFER_PROTOCOL } from "../protocols/offer/messages.ts";
import { askOffer } from "../protocols/offer/offer.ts";
import { streamPair } from "../test/network/stream-pair.ts";
import { Donor, type DonorDeps } from "./donor.ts";
import { build, donorOf, opening, RESULT, slowRender, spec } from "./fixtures/served.ts";
import type { DonorCapacity } from "./ports.ts";
import { timeLimit, timeLimitSignal } from "../test/time/time-limit.ts";

const signal = timeLimitSignal(60_000);
const POWER: DonorCapacity = { builds: [build], gpus: [], gpuNote: undefined, speed: 47e4, gpuMemoryBytes: undefined };

/** A donor of one slot whose renders end when the test says so, and ways to come to it as any peer. */
async function donorWith(change: Partial<Terms>, power: DonorCapacity = POWER, more: Partial<DonorDeps> = {}) {
  const slow = slowRender();
  const rendered: number[] = [];
  const render: typeof slow.render = (asked, end) => {
    rendered.push(asked.frame);
    return slow.render(asked, end);
  };
  const { deps, slots, dropped } = donorOf({ render });
  const answers = new Map<string, (stream: FrameStream, peer: { id: string }, end: AbortSignal) => Promise<void>>();
  const network = {
    handle: async (protocol: string, answer: never) => void answers.set(protocol, answer),
    provide: async () => {},
    addressesOf: async () => [],
  } as unknown as SwarmNetwork;
  const terms = { ...DEFAULT_TERMS, ...change };
  let availability: Availability = OPEN;
  const owner = {
    terms: () => terms,
    availability: () => availability,
    slotSize: () => ({ threads: 1, memoryBytes: 2 ** 33 }),
    secondsLeft: () => undefined,
  };
  const donor = new Donor(
    {
      network,
      owner,
      slots,
      store: deps.store,
      peaks: deps.peaks,
      previews: deps.previews,
      clock: systemClock,
      log: silentLog,
      observe: () => {},
      load: () => 0,
      power: () => power,
      ...more,
    },
    { agent: "test", name: "studio", maxJobs: 2 },
  );
  await donor.start(signal);
  const come = (protocol: string, peer: string) => {
    const [theirs, ours] = streamPair(systemWorld);
    void answers
      .get(protocol)?.(ours, { id: peer }, signal)
      .catch(() => {});
    return theirs;
  };
  /** Opens a job as this peer; returns what the donor says to it, and how to lease a frame. */
  const open = async (peer: string, job = `job of ${peer}`) => {
    const stream = come(LEASE_PROTOCOL, peer);
    const say = (message: RequesterMessage) => stream.write(encodeMessage(message));
    await say({ ...opening, job });
    const hear = () => readMessage(stream, DonorMessage, { maxBytes: 1e6, timeoutMs: timeLimit(60_000) }, signal);
    const first = await hear();
    /** The next message of a type; undefined when the donor has ended the stream. */
    const hearOf = async (type: DonorMessage["type"]) => {
      let message = await hear();
      while (message !== undefined && message.type !== type) message = await hear();
      return message;
    };
    return {
      first,
      hearOf,
      vanish: () => stream.abort(new Error("the cable was pulled")),
      lease: (frame: number) => say({ type: "lease", lease: `${frame}`, spec: { ...spec, frame } }),
    };
  };
  return {
    donor,
    open,
    handled: answers,
    dropped,
    rendered,
    stands: (next: Availability) => {
      availability = next;
      donor.notifyAvailability();
    },
    finishOne: slow.finishOne,
    offer: () => askOffer({ open: async () => come(OFFER_PROTOCOL, "x") }, "p", signal),
  };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 100));

describe("a donor with one slot", () => {
  it("renders for its owner's own machines first, for friends next, for strangers last", async () => {
    const { donor, open, rendered, finishOne } = await donorWith({ own: ["mine"], friends: ["friend"] });
    const stranger = await open("stranger");
    await stranger.lease(1);
    await settled();
    await stranger.lease(2);
    await settled();
    const friend = await open("friend");
    await friend.lease(3);
    await settled();
    const mine = await open("mine"); // the limit for others is two jobs
    expect(mine.first).toMatchObject({ type: "opened" });
    await mine.lease(4);
    await settled();
    for (let left = 4; left > 0; left--) {
      finishOne();
      await settled();
    }
    expect(rendered).toEqual([1, 4, 3, 2]);
    await donor.stop();
  });

  it("refuses a stranger's job over the limit, with a reason", async () => {
    const { donor, open } = await donorWith({});
    await open("a");
    await open("b");
    expect((await open("c")).first).toMatchObject({ type: "refused", reason: "busy", message: expect.stringContaining("2 jobs") });
    await donor.stop();
  });

  it("offers its devices, their speed, and why its GPU is not used [O5]", async () => {
    const gpu = { ...build, backend: "OPTIX", arch: "sm_86", driver: "550.54.14" } as const;
    const power = {
      builds: [gpu, build],
      gpus: [{ name: "RTX 3090", memoryBytes: 2 ** 34, watts: 250.5 }],
      gpuNote: "one of two has gone",
      speed: 3e8,
      gpuMemoryBytes: 2 ** 33,
    };
    const { donor, offer, open } = await donorWith({}, power);
    expect(await offer()).toMatchObject({ builds: [gpu, build], gpus: power.gpus, gpuNote: power.gpuNote, speed: 3e8 });
    expect((await open("anna")).first).toMatchObject({ type: "opened", deviceClass: gpu });
    await donor.stop();
  });

  it("offers within the limits of an offer, without unknown values [O4, O5]", async () => {
    const many = Array.from({ length: OFFER_LIMITS.maxEnvironments + 1 }, (_, at) => at.toString(16).padStart(64, "0"));
    const environments = {
      now: () => ({ here: new Set(many), refused: new Map<string, string>(), arch: "avx2" }),
      bring: () => Promise.reject(new Error("nobody asked for one")),
    };
    const power = { ...POWER, gpuNote: `the driver says:\n${"?".repeat(400)}`, speed: undefined };
    const crowded = await donorWith({}, power, { environments });
    const offer = await crowded.offer();
    expect(offer).toMatchObject({ environments: many.slice(0, -1), gpuNote: expect.stringMatching(/^the driver says: \?+$/) });
    expect(offer).not.toHaveProperty("speed");
    await crowded.donor.stop();
    const plain = await donorWith({});
    expect(await plain.offer()).not.toHaveProperty("environments");
    expect(await plain.offer()).not.toHaveProperty("gpuNote");
    await plain.donor.stop();
  });

  it("offers no slot while its owner has paused it, and tells its requesters [O3, L11]", async () => {
    const { donor, offer, open, stands } = await donorWith({});
    const anna = await open("anna");
    expect(await offer()).toMatchObject({ availability: { state: "open" }, slots: 1 });
    stands({ state: "paused", code: "in-use", reason: "somebody is using it" });
    expect(await anna.hearOf("availability")).toMatchObject({ availability: { state: "paused", reason: "somebody is using it" } });
    expect(await offer()).toMatchObject({ availability: { state: "paused", reason: "somebody is using it" }, slots: 0 });
    expect((await open("ben")).first).toMatchObject({ type: "refused", reason: "paused", message: "somebody is using it" });
    stands(OPEN);
    expect(await anna.hearOf("availability")).toMatchObject({ availability: { state: "open" } });
    await donor.stop();
  });

  it("evicts a job permanently, and no other", async () => {
    const { donor, open } = await donorWith({});
    const anna = await open("anna");
    await open("ben");
    expect(donor.jobs).toEqual([
      { job: "job of anna", requester: "anna" },
      { job: "job of ben", requester: "ben" },
    ]);
    expect(await donor.evict("job of anna")).toBe(true);
    expect(await anna.hearOf("end")).toMatchObject({ reason: "its owner has evicted this job" });
    await settled();
    expect(donor.jobs).toEqual([{ job: "job of ben", requester: "ben" }]);
    expect((await open("anna")).first).toMatchObject({ type: "refused", reason: "evicted" });
    expect(await donor.evict("a job that never was")).toBe(false);
    await donor.stop();
  });

  it("recognises a newer stream of a job by job and requester, and ends the older one [L9]", async () => {
    const { donor, open } = await donorWith({ own: ["anna", "ben"] }); // they may have any number of jobs here
    await open("anna");
    await open("ben", "job of anna"); // another requester's job of that name is another job
    await open("anna", "another job"); // and so is another job of one requester
    expect(donor.jobs).toHaveLength(3);
    expect((await open("anna")).first).toMatchObject({ type: "opened" });
    await settled();
    expect(donor.jobs.map(({ requester, job }) => `${requester}: ${job}`)).toEqual([
      "ben: job of anna",
      "anna: another job",
      "anna: job of anna",
    ]);
    await donor.stop();
  });

  it("ends all jobs with a reason, and drops the results of vanished requesters", async () => {
    const { donor, open, dropped, finishOne } = await donorWith({});
    const [anna, ben] = [await open("anna"), await open("ben")];
    await anna.lease(1);
    await settled();
    finishOne();
    expect(await anna.hearOf("rendered")).toMatchObject({ lease: "1" });
    anna.vanish();
    await settled();
    expect(dropped).toEqual([]);
    await donor.dismiss("its hours are over");
    expect(await ben.hearOf("end")).toMatchObject({ reason: "its hours are over" });
    expect(dropped).toEqual([RESULT]);
    expect((await open("ben")).first).toMatchObject({ type: "opened" }); // it may come back
    await donor.stop();
  });

  it("says goodbye to all requesters when it is stopped, once", async () => {
    const { donor, open, handled } = await donorWith({});
    const anna = await open("anna");
    const [answer] = handled.values();
    await donor.start(signal); // it has been started
    expect(handled.values().next().value).toBe(answer);
    await donor.stop();
    expect(await anna.hearOf("end")).toMatchObject({ reason: "it is stopping" });
    expect(donor.jobs).toEqual([]);
    await donor.stop();
  });
});
