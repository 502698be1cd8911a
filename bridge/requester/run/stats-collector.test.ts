import { expect, it } from "vitest";
import { StatsCollector } from "./stats-collector.ts";

const collector = (before: readonly string[] = []) => new StatsCollector(1_000, { frames: 2, chunks: 4 }, before);
const end = { bytesSent: 7, framesDone: 1 };

it("counts each donor's accepted chunks, received bytes and checks", () => {
  const stats = collector();
  stats.rendered("c0", "local", 3);
  stats.fetched("c0", "local", 100, true);
  expect(stats.accepted("c0", "local")).toEqual({ seconds: 3, bytes: 0, done: 1 });
  stats.rendered("c1", "peer", 5);
  stats.fetched("c1", "peer", 40, false);
  expect(stats.accepted("c1", "peer")).toEqual({ seconds: 5, bytes: 40, done: 2 });
  stats.checked();
  expect(stats.stats(3_500, end)).toEqual({
    seconds: 2.5,
    framesDone: 1,
    framesTotal: 2,
    chunksDone: 2,
    chunksTotal: 4,
    chunksChecked: 1,
    bytesReceived: 40,
    bytesSent: 7,
    chunksByDonor: { local: 1, peer: 1 },
    banned: [],
  });
});

it("counts bytes of results that were not accepted as received, too", () => {
  const stats = collector();
  stats.fetched("c0", "a", 10, false);
  stats.fetched("c0", "b", 20, false);
  stats.accepted("c0", "b");
  expect(stats.stats(0, end).bytesReceived).toBe(30);
});

it("counts chunks accepted by an earlier run as done, and a chunk that is accepted again once", () => {
  const stats = collector(["c0"]);
  expect(stats.accepted("c0", "a").done).toBe(1);
  expect(stats.accepted("c1", "a").done).toBe(2);
});

it("names donors by name, and by id if they have none", () => {
  const stats = collector();
  stats.nameDonor("id-1", "studio");
  stats.ban("id-1");
  stats.ban("id-2");
  expect(stats.stats(0, end).banned).toEqual(["studio", "id-2"]);
});

it("remembers the last failure of a chunk", () => {
  const stats = collector();
  expect(stats.lastFailure("c0")).toBeUndefined();
  stats.failed("c0", "out of memory");
  stats.failed("c0", "it crashed");
  expect(stats.lastFailure("c0")).toBe("it crashed");
});
