import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BlockStore, openBlockStore } from "./block-store.ts";
import { systemClock } from "../../kernel/time/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { ResultsForPickup } from "./results-for-pickup.ts";

let root: string;
let blocks: BlockStore;
let results: ResultsForPickup;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-held-"));
  blocks = await openBlockStore({ directory: join(root, "blocks"), capBytes: 1_000_000 }, { clock: systemClock, log: silentLog });
  results = await ResultsForPickup.open(blocks, join(root, "list"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

let count = 0;
async function made(content: string): Promise<string> {
  const path = join(root, `made-${count++}`);
  await writeFile(path, content);
  return path;
}

describe("results with equal content", () => {
  it("exist as long as one of them is held, in any order of adding and dropping", async () => {
    const signal = new AbortController().signal;
    let { sha256 } = await results.keep(await made("black"), "a");
    for (let round = 0; round < 300; round++) {
      const path = await made("black");
      const [next] = await Promise.all([results.keep(path, "a"), wait(round / 100).then(() => results.drop(sha256, "a"))]);
      sha256 = next.sha256;
      expect(results.isFor(sha256, "a")).toBe(true);
      expect(new TextDecoder().decode(await blocks.get(sha256, signal)), `round ${round}`).toBe("black");
    }
    await results.drop(sha256, "a");
    expect(blocks.has(sha256)).toBe(false);
    expect((await readdir(root)).filter((name) => name.startsWith("made-"))).toEqual([]);
  });

  it("can each be fetched only by the requester they were rendered for", async () => {
    const { sha256 } = await results.keep(await made("black"), "a");
    await results.keep(await made("black"), "b");
    await results.drop(sha256, "a");
    expect([results.isFor(sha256, "a"), results.isFor(sha256, "b"), results.isFor("0".repeat(64), "a")]).toEqual([false, true, undefined]);
  });
});

it("a killed donor's results are wiped at the next start, also one that was added while the last was dropped", async () => {
  const { sha256: first } = await results.keep(await made("first"), "a");
  const [{ sha256: second }] = await Promise.all([results.keep(await made("second"), "a"), results.drop(first, "a")]);
  expect(await readFile(join(root, "list"), "utf8")).toContain(second);
  await ResultsForPickup.open(blocks, join(root, "list"));
  expect(blocks.has(second)).toBe(false);
});
