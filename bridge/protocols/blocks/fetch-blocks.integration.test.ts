import { describe, expect, it } from "vitest";
import { fetchBlocks } from "./fetch-blocks.ts";
import type { BlockProgress } from "./ports.ts";
import { SuperSeeding } from "./super-seeding.ts";
import { MemoryStore, MemorySwarm } from "./fixtures/memory-swarm.ts";
import { systemWorld, type Time } from "../../kernel/world.ts";
import { SteppedClock } from "../../test/simulation/steps.ts";

const KIB = 1024;
const signal = new AbortController().signal;

/** A requester that super-seeds `count` blocks to donors named donor0001 and on. */
function farm(options: { donors: number; blocks: number; bytes?: number; time?: Time }) {
  const { store, wanted } = MemoryStore.of(options.blocks, options.bytes ?? 64 * KIB);
  const swarm = new MemorySwarm();
  const seeding = new SuperSeeding({ addressesOf: async () => ["/ip4/127.0.0.1/tcp/1"] });
  const requester = swarm.join("requester", store, (from) => seeding.policyFor(from, () => true));
  const donors = Array.from({ length: options.donors }, (_, index) => {
    const id = `donor000${index + 1}`;
    const own = new MemoryStore();
    swarm.join(id, own);
    seeding.donorHere(id);
    const fetch = (stop: AbortSignal = signal, onProgress?: (progress: BlockProgress) => void) =>
      fetchBlocks(
        { world: { ...systemWorld, ...options.time }, wanted, requester, sources: () => [], open: swarm.opener(id), store: own },
        stop,
        onProgress,
      );
    return { id, store: own, fetch };
  });
  const total = wanted.reduce((sum, block) => sum + block.bytes, 0);
  return { store, wanted, swarm, seeding, requester, donors, total };
}

describe("fetching blocks", () => {
  it("[B1] fetches every block, verified, and reports progress to the end", async () => {
    const { donors, wanted, total } = farm({ donors: 1, blocks: 20 });
    const seen: BlockProgress[] = [];
    const summary = await donors[0]!.fetch(signal, (progress) => seen.push(progress));
    expect(donors[0]!.store.blocks.size).toBe(wanted.length);
    expect(seen.at(-1)).toEqual({ blocksDone: 20, blocksTotal: 20, bytesDone: total, bytesTotal: total });
    expect(summary.bytesFrom.get("requester")).toBe(total);
  });

  it("[B11] does not request blocks that the store has", async () => {
    const { donors, wanted, store, swarm } = farm({ donors: 1, blocks: 20 });
    for (const { hash } of wanted.slice(0, 15)) await donors[0]!.store.put(hash, store.blocks.get(hash)!);
    await donors[0]!.fetch();
    expect(swarm.bytesGiven.get("requester")!).toBeLessThan(6 * 64 * KIB);
  });

  it("[B8] four donors at once cost the requester about one upload", async () => {
    const { donors, swarm, total, wanted } = farm({ donors: 4, blocks: 80, bytes: 256 * KIB });
    await Promise.all(donors.map((donor) => donor.fetch()));
    for (const donor of donors) expect(donor.store.blocks.size).toBe(wanted.length);
    expect(swarm.bytesGiven.get("requester")! / total).toBeLessThanOrEqual(1.3);
  });

  it("[B8] a donor that joins later fetches the scene from the other donors", async () => {
    const { donors, swarm, total } = farm({ donors: 2, blocks: 40 });
    await donors[0]!.fetch();
    const before = swarm.bytesGiven.get("requester")!;
    await donors[1]!.fetch();
    expect(swarm.bytesGiven.get("requester")! - before).toBeLessThan(total * 0.3);
  });

  it("[B9] completes at once from the requester when the donors that had the blocks are dead", async () => {
    const standing = new SteppedClock();
    const { donors, swarm, wanted } = farm({ donors: 3, blocks: 40, time: { clock: standing, timers: standing } });
    await donors[0]!.fetch();
    swarm.kill(donors[0]!.id);
    await donors[1]!.fetch(); // the clock does not advance: no time limit passes
    expect(donors[1]!.store.blocks.size).toBe(wanted.length);
  });

  it("[B9] completes when donors die in the middle", async () => {
    const { donors, swarm, wanted, seeding } = farm({ donors: 4, blocks: 60, bytes: 256 * KIB });
    const stop = new AbortController();
    const dying = donors[3]!.fetch(stop.signal, ({ blocksDone }) => {
      if (blocksDone < 20 || stop.signal.aborted) return;
      stop.abort(new Error("killed"));
      swarm.kill(donors[3]!.id);
      seeding.donorGone(donors[3]!.id);
    });
    await Promise.all([expect(dying).rejects.toThrow("killed"), ...donors.slice(0, 3).map((donor) => donor.fetch())]);
    for (const donor of donors.slice(0, 3)) expect(donor.store.blocks.size).toBe(wanted.length);
  });

  it("[B10] a donor that sends wrong bytes is banned, and its blocks are fetched from others", async () => {
    const { donors, swarm, wanted, store } = farm({ donors: 2, blocks: 30 });
    await donors[0]!.fetch();
    swarm.tamper = (from, frame) => (from === donors[0]!.id && frame.length > 10 * KIB ? new Uint8Array(frame.length) : frame);
    const summary = await donors[1]!.fetch();
    expect(summary.banned).toEqual([donors[0]!.id]);
    for (const { hash } of wanted) expect(donors[1]!.store.blocks.get(hash)).toEqual(store.blocks.get(hash));
  });

  it("[B10] a requester that sends wrong bytes, with no other source, ends the fetch with BLOCK_CORRUPT", async () => {
    const { donors, swarm } = farm({ donors: 1, blocks: 3 });
    swarm.tamper = (_from, frame) => (frame.length > 10 * KIB ? new Uint8Array(frame.length) : frame);
    await expect(donors[0]!.fetch()).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    expect(donors[0]!.store.blocks.size).toBe(0);
  });

  it("[B10] a block announced with another size is refused before its bytes", async () => {
    const { donors, swarm } = farm({ donors: 1, blocks: 1 });
    swarm.tamper = (_from, frame) => {
      const text = new TextDecoder().decode(frame);
      return text.startsWith('{"type":"block"') ? new TextEncoder().encode(text.replace(/"bytes":\d+/u, '"bytes":4194304')) : frame;
    };
    await expect(donors[0]!.fetch()).rejects.toMatchObject({ code: "BLOCK_CORRUPT", message: "a peer's block has the wrong size" });
  });

  it("[B9] a source that has no blocks only delays the fetch", async () => {
    const { donors, seeding, swarm, wanted } = farm({ donors: 2, blocks: 12 });
    await donors[0]!.fetch();
    donors[0]!.store.blocks.clear();
    seeding.donorHere(donors[0]!.id);
    await donors[1]!.fetch();
    expect(donors[1]!.store.blocks.size).toBe(wanted.length);
    expect(swarm.bytesGiven.get("requester")!).toBeGreaterThan(2 * 12 * 64 * KIB);
  });

  it("[B4] a block that no peer has ends in BLOCK_MISSING", async () => {
    const { donors, store, wanted } = farm({ donors: 1, blocks: 5 });
    store.blocks.delete(wanted[2]!.hash);
    await expect(donors[0]!.fetch()).rejects.toMatchObject({ code: "BLOCK_MISSING" });
    expect(donors[0]!.store.blocks.size).toBe(4);
  });

  it("fetches blocks that the requester no longer has from a live source", async () => {
    const { donors, store, wanted, requester, swarm } = farm({ donors: 2, blocks: 10 });
    await donors[0]!.fetch();
    store.blocks.clear();
    const request = {
      world: systemWorld,
      wanted,
      requester,
      sources: () => [{ id: donors[0]!.id, addrs: [] }],
      open: swarm.opener("donor0002"),
      store: donors[1]!.store,
    };
    await fetchBlocks(request, signal);
    expect(donors[1]!.store.blocks.size).toBe(10);
  });

  it("a full disk ends the fetch with DISK_FULL, not with a fault of the peer", async () => {
    const { donors } = farm({ donors: 1, blocks: 5 });
    donors[0]!.store.put = async () => {
      throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    };
    await expect(donors[0]!.fetch()).rejects.toThrow("no space");
  });

  it("an abort ends it with the signal's reason and leaves no stream open", async () => {
    const { donors, swarm } = farm({ donors: 1, blocks: 200 });
    const stop = new AbortController();
    const fetching = donors[0]!.fetch(stop.signal, ({ blocksDone }) => {
      if (blocksDone === 3) stop.abort(new Error("enough"));
    });
    await expect(fetching).rejects.toThrow("enough");
    await swarm.settled();
  });
});
