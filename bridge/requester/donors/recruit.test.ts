import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../kernel/clock.ts";
import { FarmError } from "../../kernel/errors.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import { encodeMessage, readMessage } from "../../protocols/codec.ts";
import type { FrameStream, SwarmNetwork } from "../../protocols/frame-stream.ts";
import { type DonorMessage, RequesterMessage } from "../../protocols/lease/messages.ts";
import { OFFER_PROTOCOL, type OfferReply } from "../../protocols/offer/messages.ts";
import { answerOffer } from "../../protocols/offer/offer.ts";
import { streamPair } from "../../test/network/stream-pair.ts";
import type { DonorLink } from "./donor-link.ts";
import type { JobRun } from "../run/job-run.ts";
import { Recruiter } from "./recruit.ts";
import { until } from "../../test/until.ts";

const ID = "12D3KooWdonor";
const build = { blenderVersion: "3.4.1", buildHash: "abc", backend: "CPU", arch: "x64" } as const;
const offer: OfferReply = {
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

/** A swarm of one donor with several addresses, some of which may lead nowhere. */
function swarmOf(addresses: Readonly<Record<string, "works" | "dead">>) {
  const leases: FrameStream[] = [];
  const dialled: string[] = [];
  const connect = async (peer: string) => {
    dialled.push(peer);
    await systemClock.sleep(5);
    if (addresses[peer] !== "works") throw new FarmError("PEER_UNREACHABLE", "nobody there");
    return { id: ID };
  };
  const serve = async (stream: FrameStream) => {
    const never = new AbortController().signal;
    await readMessage(stream, RequesterMessage, { maxBytes: 2 ** 20, timeoutMs: 10_000 }, never);
    await stream.write(encodeMessage({ type: "opened", slots: 1, deviceClass: build } satisfies DonorMessage));
    leases.push(stream);
    while ((await stream.read()) !== undefined);
    await stream.close();
  };
  const open = async (_peer: string, protocol: string) => {
    const [ours, theirs] = streamPair(systemWorld);
    const answered = protocol === OFFER_PROTOCOL ? answerOffer(theirs, () => offer, new AbortController().signal) : serve(theirs);
    answered.catch(() => {});
    return ours;
  };
  const network = { connect, open, addressesOf: async () => [] } as unknown as SwarmNetwork;
  return { network, leases, dialled };
}

const ending = { now: new AbortController() };
let recruiting: Promise<void> | undefined;
beforeEach(() => {
  ending.now = new AbortController();
});
afterEach(async () => {
  ending.now.abort();
  await recruiting;
});

function recruit(network: SwarmNetwork, only: readonly string[]) {
  const joined: DonorLink[] = [];
  const run = { addDonor: (link: DonorLink) => void joined.push(link), donors: [], typicalChunkSeconds: undefined } as unknown as JobRun;
  const fetchResult = async () => {};
  const opening = {
    job: "job",
    manifest: "0".repeat(64),
    manifestBytes: 1,
    build: { blenderVersion: "3.4.1", buildHash: "abc" },
    needs: {},
  };
  const deps = { ...systemWorld, network, log: silentLog, observe: () => {}, fetchResult };
  recruiting = new Recruiter(deps, { opening, only, admitPeer: () => {} }).recruit(run, ending.now.signal);
  return joined;
}

describe("[L16] a donor that is named by several texts", () => {
  it("is one donor: one link to it stands, and no second one ends it", async () => {
    const { network, leases, dialled } = swarmOf({ [ID]: "works", "/ip4/10.0.0.1": "works", "/ip4/10.0.0.2": "works" });
    const joined = recruit(network, [ID, "/ip4/10.0.0.1", "/ip4/10.0.0.2"]);
    await until(() => joined.length > 0 && dialled.length === 3);
    await systemClock.sleep(200);
    expect([joined.length, leases.length]).toEqual([1, 1]);
  });

  it("is come back to by any of them when its link is lost", async () => {
    const addresses: Record<string, "works" | "dead"> = { "/ip4/10.0.0.1": "works", "/ip4/10.0.0.2": "works" };
    const { network, leases, dialled } = swarmOf(addresses);
    const joined = recruit(network, Object.keys(addresses));
    await until(() => joined.length === 1 && dialled.length === 2);
    addresses[dialled[0] as string] = "dead";
    leases[0]?.abort(new Error("the connection is gone"));
    await until(() => joined.length === 2);
    expect(leases).toHaveLength(2);
  });

  it("is found by the one that works, while another leads nowhere", async () => {
    const { network, leases } = swarmOf({ "/ip4/10.0.0.1": "dead", "/ip4/10.0.0.2": "works" });
    const joined = recruit(network, ["/ip4/10.0.0.1", "/ip4/10.0.0.2"]);
    await until(() => joined.length === 1);
    await systemClock.sleep(700);
    expect([joined.length, leases.length]).toEqual([1, 1]);
  });
});
