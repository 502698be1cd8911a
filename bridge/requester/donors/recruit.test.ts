import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { JobEvent } from "../../core/job/job-events.ts";
import { type JobRequirements, Refusal } from "../../core/admission.ts";
import { abortable } from "../../kernel/abort.ts";
import { FarmError } from "../../kernel/errors.ts";
import { silentLog } from "../../kernel/log.ts";
import { encodeMessage, readMessage } from "../../protocols/codec.ts";
import type { FrameStream } from "../../protocols/frame-stream.ts";
import { type DonorMessage, RequesterMessage } from "../../protocols/lease/messages.ts";
import { type Offer, OFFER_PROTOCOL, type OfferReply } from "../../protocols/offer/messages.ts";
import { answerOffer } from "../../protocols/offer/offer.ts";
import { streamPair } from "../../test/network/stream-pair.ts";
import { steppedWorld } from "../../test/fakes/stepped-world.ts";
import type { DonorLink } from "./donor-link.ts";
import { Recruiter, type RecruiterDeps } from "./recruit.ts";

const build = { blenderVersion: "3.4.1", buildHash: "abc", backend: "CPU", arch: "x64" } as const;
const offer: Offer = {
  type: "offer",
  agent: "test",
  name: "studio",
  availability: { state: "open" },
  slots: 1,
  busySlots: 0,
  cores: 1,
  memoryBytes: 2 ** 33,
  load: 0,
  gpus: [],
  builds: [build],
};
const resting = { ...offer, availability: { state: "paused", reason: "its owner plays" } } as const;
const opened: DonorMessage = { type: "opened", slots: 1, deviceClass: build };
const never = new AbortController().signal;
const hangs = (signal: AbortSignal) => abortable(new Promise<never>(() => {}), signal);

/** A donor as a test plays it; what it answers may change while the recruiter is at work. */
interface TestDonor {
  readonly id: string;
  offer: OfferReply;
  answer: DonorMessage | "cuts the stream";
  /** What requesters said on its lease streams. */
  readonly heard: RequesterMessage[];
  readonly leases: FrameStream[];
}

let world: ReturnType<typeof steppedWorld>["world"];
let pass: ReturnType<typeof steppedWorld>["pass"];
let swarm: TestSwarm;
let joined: (DonorLink & { readonly ended?: Promise<void> })[];
let notes: string[];
let admitted: string[];
let life: AbortController;
let recruiting: Promise<void>;
beforeEach(() => {
  ({ world, pass } = steppedWorld());
  swarm = new TestSwarm();
  [joined, notes, admitted, life] = [[], [], [], new AbortController()];
  recruiting = Promise.resolve();
});
afterEach(async () => {
  life.abort();
  await pass(12); // a donor that is asked to stop has 10 s
  await recruiting;
});

/** Peers by the names that lead to them. */
class TestSwarm {
  readonly names = new Map<string, TestDonor | "silent">();
  readonly dialled: { readonly name: string; readonly atMs: number }[] = [];
  readonly known: string[] = [];
  readonly watchers = new Set<(peer: { readonly id: string }, change: "here" | "gone") => void>();
  readonly searches: number[] = [];
  findDonors: (signal: AbortSignal) => Promise<void> = async () => {};
  addressesOf = async (id: string): Promise<readonly string[]> => [`/to/${id}`];

  donor(id: string, ...names: readonly string[]): TestDonor {
    const donor: TestDonor = { id, offer: { ...offer, name: `studio of ${id}` }, answer: opened, heard: [], leases: [] };
    for (const name of [id, ...names]) this.names.set(name, donor);
    return donor;
  }

  /** When a name was dialled, in seconds since the start. */
  dialledAt(name: string): readonly number[] {
    return this.dialled.filter((each) => each.name === name).map(({ atMs }) => atMs / 1_000);
  }

  readonly network: RecruiterDeps["network"] = {
    connect: async (name, signal) => {
      this.dialled.push({ name, atMs: world.clock.monotonicMs() });
      const found = this.names.get(name);
      if (found === "silent") return await hangs(signal);
      if (found === undefined) throw new FarmError("PEER_UNREACHABLE", "nobody there");
      return { id: found.id };
    },
    open: async (id, protocol) => {
      const donor = this.names.get(id) as TestDonor;
      const [ours, theirs] = streamPair(world);
      const answered = protocol === OFFER_PROTOCOL ? answerOffer(theirs, () => donor.offer, never) : this.#serve(donor, theirs);
      answered.catch(() => {});
      return ours;
    },
    knownPeers: () => this.known.map((id) => ({ id })),
    watchPeers: (seen) => {
      this.watchers.add(seen);
      return () => void this.watchers.delete(seen);
    },
    addressesOf: (id) => this.addressesOf(id),
    findDonors: async (signal) => {
      this.searches.push(world.clock.monotonicMs() / 1_000);
      await this.findDonors(signal);
    },
  };

  async #serve(donor: TestDonor, stream: FrameStream): Promise<void> {
    const read = () => readMessage(stream, RequesterMessage, { maxBytes: 2 ** 20, timeoutMs: 3_600_000 }, never);
    const open = await read();
    if (open) donor.heard.push(open);
    if (donor.answer === "cuts the stream") return stream.abort(new Error("no"));
    await stream.write(encodeMessage(donor.answer));
    if (donor.answer.type !== "opened") return await stream.close();
    donor.leases.push(stream);
    void this.#beat(stream).catch(() => {});
    for (let message = await read(); message; message = await read()) donor.heard.push(message);
    await stream.close();
  }

  async #beat(stream: FrameStream): Promise<void> {
    while (true) {
      await world.clock.sleep(5_000);
      await stream.write(encodeMessage({ type: "heartbeat" } satisfies DonorMessage));
    }
  }
}

interface Asked {
  readonly only?: readonly string[];
  readonly needs?: JobRequirements;
  readonly typicalChunkSeconds?: number;
}

/** Recruits for a run that takes whoever comes. */
function recruit({ only = [], needs = {}, typicalChunkSeconds }: Asked = {}): void {
  const gone = new Set<DonorLink>();
  const run = {
    addDonor: (link: DonorLink) => {
      joined.push(link);
      void (link as { readonly ended?: Promise<void> }).ended?.then(() => gone.add(link));
    },
    get donors() {
      return joined.filter((link) => !gone.has(link));
    },
    typicalChunkSeconds,
  };
  const opening = { job: "job", manifest: "0".repeat(64), manifestBytes: 1, build: { blenderVersion: "3.4.1", buildHash: "abc" }, needs };
  const observe = (event: JobEvent) => void (event.event === "note" && notes.push(event.message));
  const deps = { ...world, network: swarm.network, log: silentLog, observe, fetchResult: async () => {} };
  const admitPeer = (peer: string, here: boolean) => void admitted.push(`${peer} ${here ? "may have blocks" : "may not"}`);
  recruiting = new Recruiter(deps, { opening, only, admitPeer }).recruit(run, life.signal);
}

describe("[L16] a donor that is named by several addresses", () => {
  it("is one donor: one link stays open, and a second one does not end it", async () => {
    const donor = swarm.donor("d", "/ip4/10.0.0.1", "/ip4/10.0.0.2");
    recruit({ only: ["d", "/ip4/10.0.0.1", "/ip4/10.0.0.2"] });
    await pass(60);
    expect(swarm.dialled).toHaveLength(3);
    expect([joined.length, donor.leases.length]).toEqual([1, 1]);
  });

  it("is reconnected half a second after its link is lost", async () => {
    const donor = swarm.donor("d");
    recruit({ only: ["d"] });
    await pass(10);
    donor.leases[0]?.abort(new Error("the connection is gone"));
    await pass(1);
    expect(swarm.dialledAt("d")).toEqual([0, 10.5]);
  });

  it("is reconnected as quickly after earlier failures", async () => {
    recruit({ only: ["d"] });
    await pass(30);
    const donor = swarm.donor("d");
    await pass(10);
    donor.leases[0]?.abort(new Error("the connection is gone"));
    await pass(1);
    expect(swarm.dialledAt("d").slice(-2)).toEqual([38, 40.5]);
  });

  it("is reconnected by any of them when its link is lost", async () => {
    const donor = swarm.donor("d", "/ip4/10.0.0.1", "/ip4/10.0.0.2");
    recruit({ only: ["/ip4/10.0.0.1", "/ip4/10.0.0.2"] });
    await pass(1);
    swarm.names.delete(swarm.dialled[0]?.name as string);
    donor.leases[0]?.abort(new Error("the connection is gone"));
    await pass(2);
    expect(joined).toHaveLength(2);
    expect(donor.leases).toHaveLength(2);
  });

  it("is reached by the one that works, while another fails", async () => {
    const donor = swarm.donor("d", "/ip4/10.0.0.2");
    recruit({ only: ["/ip4/10.0.0.1", "/ip4/10.0.0.2"] });
    await pass(30);
    expect([joined.length, donor.leases.length]).toEqual([1, 1]);
  });
});

describe("a peer that does not answer", () => {
  it("is retried after 1, 2, 5, 10 and 20 s, and if the user named it every 20 s after that; one message tells the user", async () => {
    recruit({ only: ["d"] });
    await pass(80);
    expect(swarm.dialledAt("d")).toEqual([0, 1, 3, 8, 18, 38, 58, 78]);
    expect(notes).toEqual(["d cannot be reached yet: nobody there"]);
  });

  it("is given up after six tries if the user did not name it, without a message", async () => {
    swarm.known.push("d");
    recruit();
    await pass(300);
    expect(swarm.dialledAt("d")).toHaveLength(6);
    expect(notes).toEqual([]);
  });

  it("is retried when it is discovered again", async () => {
    swarm.known.push("d");
    recruit();
    await pass(300);
    swarm.donor("d");
    for (const seen of swarm.watchers) seen({ id: "d" }, "here");
    await pass(1);
    expect(joined.map(({ name }) => name)).toEqual(["studio of d"]);
  });

  it("is retried also when it was connected before and was given up", async () => {
    const donor = swarm.donor("d");
    swarm.known.push("d");
    recruit();
    await pass(1);
    swarm.names.delete("d");
    donor.leases[0]?.abort(new Error("the connection is gone"));
    await pass(100);
    const tries = swarm.dialled.length;
    await pass(100);
    expect(swarm.dialled).toHaveLength(tries);
    swarm.names.set("d", donor);
    for (const seen of swarm.watchers) seen({ id: "d" }, "here");
    await pass(1);
    expect(joined).toHaveLength(2);
  });

  it("times out after 8 s", async () => {
    swarm.names.set("d", "silent");
    recruit({ only: ["d"] });
    await pass(7);
    expect(notes).toEqual([]);
    await pass(3);
    expect(notes).toEqual(["d cannot be reached yet: the peer was silent for 8 s"]);
    expect(swarm.dialledAt("d")).toHaveLength(2);
  });

  it("causes another message when it fails in another way", async () => {
    recruit({ only: ["d"] });
    await pass(1);
    swarm.donor("d").answer = { type: "heartbeat" };
    await pass(10);
    expect(notes).toHaveLength(2);
    expect(notes[1]).toContain("must open or refuse the job");
  });
});

describe("a donor that is paused", () => {
  it("is asked until the job ends, at least every 20 s, and joins when it is open again", async () => {
    const donor = swarm.donor("d");
    donor.offer = resting;
    swarm.known.push("d");
    recruit();
    await pass(600);
    expect(swarm.dialledAt("d").length).toBeGreaterThan(30);
    expect(donor.heard).toEqual([]);
    donor.offer = offer;
    await pass(21);
    expect(joined).toHaveLength(1);
  });

  it("causes one message per reason", async () => {
    const donor = swarm.donor("d");
    donor.offer = resting;
    recruit({ only: ["d"] });
    await pass(30);
    donor.offer = { ...offer, availability: { state: "closed", reason: "it is day" } };
    await pass(60);
    expect(notes).toEqual(["studio takes no work now: its owner plays", "studio takes no work now: it is day"]);
  });

  it("that then does not answer is given up if the user did not name it", async () => {
    swarm.donor("d").offer = resting;
    swarm.known.push("d");
    recruit();
    await pass(600);
    swarm.names.delete("d");
    await pass(21);
    const tries = swarm.dialled.length;
    await pass(300);
    expect(swarm.dialled).toHaveLength(tries);
  });
});

describe("a donor that refuses the job", () => {
  const passing = ["busy", "paused", "closed", "environment-asked", "no-time"];
  it.each(Refusal.options)("(%s) is asked again only if the refusal is temporary", async (reason) => {
    const donor = swarm.donor("d");
    donor.answer = { type: "refused", reason, message: "so it is" };
    recruit({ only: ["d"] });
    await pass(30);
    expect(notes).toEqual(["studio of d does not take this job: so it is"]);
    donor.answer = opened;
    await pass(30);
    expect(joined).toHaveLength(passing.includes(reason) ? 1 : 0);
  });
});

describe("a peer that cannot work for the job", () => {
  it("is skipped when it offers nothing", async () => {
    swarm.donor("d").offer = { type: "none", agent: "test" };
    recruit({ only: ["d"] });
    await pass(60);
    expect([swarm.dialled.length, notes, admitted]).toEqual([1, [], []]);
  });

  it.each([
    [
      "another version",
      [{ ...build, blenderVersion: "4.5.0" }],
      "3.4.1",
      "it has Blender 4.5.0, and this job needs the same build of 3.4.1",
    ],
    ["another build of the version", [{ ...build, buildHash: "def" }], "3.4.1", "it has Blender 3.4.1, and this job needs"],
    ["no Blender", [], "3.4.1", "it has Blender none, and this job needs"],
  ])("is skipped for its Blender: %s", async (_what, builds, _version, message) => {
    const donor = swarm.donor("d");
    donor.offer = { ...offer, builds };
    recruit({ only: ["d"] });
    await pass(60);
    expect(notes).toEqual([expect.stringContaining(`studio is left out: ${message}`)]);
    expect([swarm.dialled.length, donor.heard.length, admitted.length]).toEqual([1, 0, 0]);
  });

  it("is skipped when the job names an environment and the donor uses no containers, whatever its own Blender", async () => {
    swarm.donor("plain").offer = { ...offer, name: "plain" };
    swarm.donor("boxed").offer = { ...offer, name: "boxed", builds: [], environments: [] };
    recruit({ only: ["plain", "boxed"], needs: { environment: "e".repeat(64) } });
    await pass(30);
    expect(joined.map(({ name }) => name)).toEqual(["boxed"]);
    expect(notes).toEqual(["plain is left out: it runs work in no environments"]);
  });
});

describe("blocks of the scene", () => {
  it("may be fetched by each donor of the job, from before it is opened until its link ends", async () => {
    const donor = swarm.donor("d");
    recruit({ only: ["d"] });
    await pass(1);
    expect(admitted).toEqual(["d may have blocks"]);
    donor.leases[0]?.abort(new Error("gone"));
    await pass(0.25);
    expect(admitted).toEqual(["d may have blocks", "d may not"]);
  });

  it.each([
    ["refuses", { type: "refused", reason: "evicted", message: "no" }],
    ["breaks the protocol", { type: "heartbeat" }],
    ["cuts the stream", "cuts the stream"],
  ] as const)("may no longer be fetched by a donor that %s", async (_what, answer) => {
    swarm.donor("d").answer = answer;
    recruit({ only: ["d"] });
    await pass(0.25);
    expect(admitted).toEqual(["d may have blocks", "d may not"]);
  });
});

describe("messages to donors", () => {
  it("hold the expected time of a chunk, once it is known", async () => {
    const donor = swarm.donor("d");
    recruit({ only: ["d"], needs: { sceneBytes: 5 }, typicalChunkSeconds: 12 });
    await pass(1);
    expect(donor.heard[0]).toMatchObject({ type: "open", job: "job", needs: { sceneBytes: 5, chunkSeconds: 12 } });
  });

  it("name the job's other donors as sources of blocks, without those that left", async () => {
    const [a, b] = [swarm.donor("a"), swarm.donor("b")];
    const sourcesOf = (donor: TestDonor) => donor.heard.findLast(({ type }) => type === "sources");
    recruit({ only: ["a", "b"] });
    await pass(2);
    expect(sourcesOf(a)).toEqual({ type: "sources", peers: [{ id: "b", addrs: ["/to/b"] }] });
    expect(sourcesOf(b)).toEqual({ type: "sources", peers: [{ id: "a", addrs: ["/to/a"] }] });
    swarm.names.delete("a");
    a.leases[0]?.abort(new Error("gone"));
    await pass(1);
    expect(sourcesOf(b)).toEqual({ type: "sources", peers: [] });
  });

  it("are skipped when addresses are unknown, and the job continues", async () => {
    const donor = swarm.donor("d");
    swarm.addressesOf = () => Promise.reject(new Error("no such peer"));
    recruit({ only: ["d"] });
    await pass(30);
    expect(donor.heard.map(({ type }) => type)).not.toContain("sources");
    expect(joined).toHaveLength(1);
  });
});

describe("a job without named donors", () => {
  it("asks every known and every newly discovered peer once", async () => {
    for (const id of ["a", "b", "c"]) swarm.donor(id);
    swarm.known.push("a");
    recruit();
    await pass(1);
    for (const seen of swarm.watchers) {
      seen({ id: "a" }, "here");
      seen({ id: "b" }, "here");
      seen({ id: "c" }, "gone");
    }
    await pass(1);
    expect(swarm.dialled.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(joined.map(({ id }) => id)).toEqual(["a", "b"]);
  });

  it("searches the DHT every 20 s, also after a failed search", async () => {
    swarm.findDonors = () => Promise.reject(new Error("nobody knows anybody"));
    recruit();
    await pass(61);
    expect(swarm.searches).toEqual([0, 20, 40, 60]);
  });

  it("aborts a search that takes longer than 20 s", async () => {
    let cut = 0;
    swarm.findDonors = (signal) => hangs(signal).finally(() => cut++);
    recruit();
    await pass(41);
    expect([swarm.searches, cut]).toEqual([[0, 40], 1]);
  });

  it("asks no peer after the job has ended", async () => {
    swarm.donor("d");
    recruit();
    await pass(1);
    life.abort();
    await recruiting;
    expect(swarm.watchers.size).toBe(0);
    await pass(60);
    expect([swarm.searches, swarm.dialled]).toEqual([[0], []]);
  });
});

describe("a job for named donors", () => {
  it("searches for no other peers", async () => {
    swarm.donor("a");
    swarm.donor("b");
    swarm.known.push("b");
    recruit({ only: ["a"] });
    await pass(60);
    expect([swarm.searches, swarm.watchers.size, joined.map(({ id }) => id)]).toEqual([[], 0, ["a"]]);
  });

  it("that has already ended asks no peer", async () => {
    life.abort();
    recruit({ only: ["a"] });
    await recruiting;
    expect([swarm.dialled, notes]).toEqual([[], []]);
  });

  it("has no message about a donor that was not reached because the job ended", async () => {
    swarm.names.set("d", "silent");
    recruit({ only: ["d"] });
    await pass(1);
    life.abort(new FarmError("CANCELLED", "the job has ended"));
    await recruiting;
    expect(notes).toEqual([]);
  });
});
