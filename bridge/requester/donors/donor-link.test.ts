import { build, donorOf } from "../../donor/fixtures/served.ts";
import { serveJob } from "../../donor/serve-job.ts";
import { FarmError } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/ids.ts";
import type { SwarmNetwork } from "../../protocols/frame-stream.ts";
import { streamPair } from "../../test/network/stream-pair.ts";
import { type DonorKind, type DonorUnderTest, donorLinkContract } from "../../test/contract/donor-link-contract.ts";
import { FakeSlots } from "../../test/fakes/fake-slots.ts";
import { TextDisk } from "../../test/fakes/text-disk.ts";
import { Random } from "../../test/random.ts";
import { DEVICE_CLASS, FakeDonor } from "../../test/simulation/fake-donor.ts";
import { MemoryFiles } from "../../test/simulation/memory-files.ts";
import { steppedWorld } from "../../test/fakes/stepped-world.ts";
import { Steps } from "../../test/simulation/steps.ts";
import { LocalDonor } from "./local-donor.ts";
import { openRemoteDonor, RemoteDonor } from "./remote-donor.ts";

const never = new AbortController().signal;
const opening = {
  job: "j1",
  manifest: "a".repeat(64),
  manifestBytes: 10,
  build: { blenderVersion: build.blenderVersion, buildHash: build.buildHash },
  needs: {},
};

/** Many turns of the event loop: more than any message needs on its way through memory. */
async function settle(everyTurn: () => void = () => {}): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    everyTurn();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

async function fakeDonor(): Promise<DonorUnderTest> {
  const steps = new Steps();
  const files = new MemoryFiles(steps);
  const troubles = { crashes: 0, losesTransfers: 0, lies: false };
  const deps = { steps, chance: new Random(1), files, pictureOf: ({ id }: { id: string }) => `the picture ${id}` };
  const link = new FakeDonor(deps, { id: "fake", trusted: false, slots: 1 }, troubles);
  const stepsOf = (what: string) => steps.waiting.filter(({ name }) => name.includes(what));
  const run = (what: string) => {
    for (const step of stepsOf(what)) steps.take(steps.waiting.indexOf(step))?.run();
  };
  return {
    link,
    begun: () => stepsOf(" renders ").length,
    finish: (how) => {
      troubles.crashes = how === "crash" ? 1 : 0;
      run(" renders ");
    },
    read: (path) => files.contents.get(path),
    settle: () => settle(() => run("fetch ")),
    vanish: () => link.vanish("its machine is gone"),
  };
}

function slotsOn(disk: TextDisk, { isDeaf }: DonorKind) {
  return new FakeSlots(disk, { slots: 1, folder: "/scratch", isHeld: true, isDeaf });
}

async function localDonor(kind: DonorKind): Promise<DonorUnderTest> {
  const disk = new TextDisk({ "/s.blend": "a scene" });
  const slots = slotsOn(disk, kind);
  const hashFile = async (path: string) => {
    const content = await disk.readFile(path);
    return { sha256: sha256(content), bytes: content.length };
  };
  const scene = { key: "scene", path: "/s.blend", remap: {} };
  const link = new LocalDonor({ disk, slots, hashFile }, { name: "here", scene, deviceClass: DEVICE_CLASS, directory: "/local" });
  return {
    link,
    begun: () => slots.begun,
    finish: (how) => slots.finish(how),
    read: (path) => disk.peek(path),
    settle: () => settle(),
    vanish: undefined,
  };
}

/** A peer: the donor's own side of the lease stream, with a fake Blender behind it. */
async function remoteDonor(kind: DonorKind): Promise<DonorUnderTest> {
  const { world } = steppedWorld();
  const disk = new TextDisk({ "/s.blend": "a scene" });
  const slots = slotsOn(disk, kind);
  const [near, far] = streamPair(world);
  const kept = new Map<string, string[]>();
  const { deps } = donorOf({ clock: world.clock });
  const store = {
    ...deps.store,
    fetchScene: async () => ({ key: "scene", path: "/s.blend", remap: {} }),
    keepResult: async (path: string) => {
      const content = (await disk.readFile(path)).toString();
      const hash = sha256(Buffer.from(content));
      kept.set(hash, [...(kept.get(hash) ?? []), content]);
      return { sha256: hash, bytes: content.length };
    },
    dropResult: async (hash: string) => void kept.get(hash)?.pop(),
  };
  serveJob({ ...deps, store, slots }, far, { id: "requester", addrs: [] }, never).catch((error: Error) => far.abort(error));
  const fetchResult = async (_peer: string, file: { readonly sha256: string }, toPath: string) => {
    const content = kept.get(file.sha256)?.at(-1);
    if (content === undefined) throw new FarmError("BLOCK_MISSING", "the peer does not have it");
    await disk.writeFile(toPath, content);
  };
  const network = { open: async () => near } as unknown as SwarmNetwork;
  const peer = { id: "peer", name: "studio", benchmarkSpeed: undefined };
  const link = await openRemoteDonor({ ...world, network, fetchResult }, peer, opening, never);
  if (!(link instanceof RemoteDonor)) throw new Error(link.message);
  return {
    link,
    begun: () => slots.begun,
    finish: (how) => slots.finish(how),
    read: (path) => disk.peek(path),
    settle: () => settle(),
    vanish: () => far.abort(new Error("the cable was pulled")),
  };
}

donorLinkContract("the fake donor", fakeDonor);
donorLinkContract("this machine", localDonor);
donorLinkContract("a peer", remoteDonor);
