import { describe, expect, it } from "vitest";
import { OPEN } from "../core/terms/availability.ts";
import { DEFAULT_TERMS, type Terms } from "../core/terms/terms.ts";
import { systemClock } from "../kernel/clock.ts";
import { silentLog } from "../kernel/log.ts";
import { systemWorld } from "../kernel/world.ts";
import { encodeMessage, readMessage } from "../protocols/codec.ts";
import type { FrameStream, SwarmNetwork } from "../protocols/frame-stream.ts";
import { DonorMessage, LEASE_PROTOCOL, type RequesterMessage } from "../protocols/lease/messages.ts";
import { OFFER_PROTOCOL } from "../protocols/offer/messages.ts";
import { askOffer } from "../protocols/offer/offer.ts";
import { streamPair } from "../test/network/stream-pair.ts";
import { Donor } from "./donor.ts";
import { build, donorOf, opening, slowRender, spec } from "./fixtures/served.ts";
import type { DonorCapacity } from "./ports.ts";
import { timeLimitSignal } from "../test/time/time-limit.ts";

const signal = timeLimitSignal(20_000);
const POWER: DonorCapacity = { builds: [build], gpus: [], gpuNote: undefined, speed: 47e4, gpuMemoryBytes: undefined };

/** A donor with one slot whose renders end when the test says so, and functions to connect as any peer. */
async function donorWith(change: Partial<Terms>, power: DonorCapacity = POWER) {
  const slow = slowRender();
  const rendered: number[] = [];
  const render: typeof slow.render = (asked, end) => {
    rendered.push(asked.frame);
    return slow.render(asked, end);
  };
  const { deps, slots } = donorOf({ render });
  const answers = new Map<string, (stream: FrameStream, peer: { id: string }, end: AbortSignal) => Promise<void>>();
  const network = {
    handle: async (protocol: string, answer: never) => void answers.set(protocol, answer),
    provide: async () => {},
    addressesOf: async () => [],
  } as unknown as SwarmNetwork;
  const terms = { ...DEFAULT_TERMS, ...change };
  const owner = {
    terms: () => terms,
    availability: () => OPEN,
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
  /** Opens a job as this peer; returns the donor's messages, and a function that leases a frame. */
  const open = async (peer: string) => {
    const stream = come(LEASE_PROTOCOL, peer);
    const say = (message: RequesterMessage) => stream.write(encodeMessage(message));
    await say({ ...opening, job: `job of ${peer}` });
    const first = await readMessage(stream, DonorMessage, { maxBytes: 1e6, timeoutMs: 5_000 }, signal);
    return { first, lease: (frame: number) => say({ type: "lease", lease: `${frame}`, spec: { ...spec, frame } }) };
  };
  return {
    donor,
    open,
    rendered,
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
});
