import { TILES_AS_THEY_ARE } from "../fixtures/tiles-as-they-are.ts";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Chunk, DeviceClass } from "../../core/plan/chunk.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import { startLedger } from "../../core/ledger/ledger.ts";
import { planJob } from "../../core/plan/plan.ts";
import { facts, scene } from "../../core/fixtures/scene-facts.ts";
import { DEFAULT_POLICY } from "../../core/schedule/policy.ts";
import { startSchedule } from "../../core/schedule/schedule.ts";
import { abortable } from "../../kernel/abort.ts";
import { AsyncQueue } from "../../kernel/channel.ts";
import { systemClock } from "../../kernel/time/clock.ts";
import { FarmError } from "../../kernel/errors.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemWorld } from "../../kernel/world.ts";
import { FrameAssembler } from "../delivery/frame-assembler.ts";
import type { DonorLink, DonorUpdate } from "../donors/donor-link.ts";
import { JobFolder } from "../job-folder.ts";
import { JobRun } from "./job-run.ts";
import { ResultReceiver } from "../results/result-receiver.ts";
import { StatsCollector } from "./stats-collector.ts";

const HERE: DeviceClass = { blenderVersion: "3.4.1", buildHash: "b", backend: "CPU", arch: "avx2" };
const FACTS = facts([scene({ width: 64, height: 48, samples: 4 })]);
const changed = () => new FarmError("SCENE_CHANGED", "/project/card.png changed since the job started");
const nothing = async () => {};
const unused = () => Promise.reject(new Error("not part of this test"));

let root: string;
let events: JobEvent[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-changed-"));
  events = [];
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A donor that answers every lease with the same news. */
function donor(trusted: boolean, answer: (chunk: Chunk) => DonorUpdate): DonorLink {
  const updates = new AsyncQueue<DonorUpdate>();
  return {
    id: "donor",
    name: "donor",
    trusted,
    slots: 1,
    deviceClass: HERE,
    benchmarkSpeed: undefined,
    updates,
    lease: (chunk) => updates.push(answer(chunk)),
    withdraw: () => {},
    fetch: (_chunk, _file, toPath) => writeFile(toPath, "raw"),
    release: () => {},
    close: async () => updates.close(),
  };
}

/** A run in which this machine can no longer render the scene as it was sent. */
async function run(link: DonorLink): Promise<unknown> {
  const folder = new JobFolder(systemWorld, root, "job");
  await folder.create();
  const plan = planJob(FACTS, { frames: [1, 2], still: false, slots: 1 });
  const check = async (_path: string, _expected: object, signal: AbortSignal) => await abortable(new Promise<never>(() => {}), signal);
  const media = { check, createAssembled: nothing, paste: nothing };
  const trustedSummary = () => Promise.reject(changed());
  const results = new ResultReceiver({ media, files: folder, trustedSummary }, { verifies: true });
  const job = new JobRun(
    {
      results: { receiver: results, preview: { add: unused } },
      checks: { checker: { check: unused }, sameClass: () => true },
      delivery: {
        assembly: new FrameAssembler(
          {
            media,
            files: folder,
            assembledPath: () => join(root, "a.exr"),
            completion: TILES_AS_THEY_ARE,
            finisher: { finishFrame: unused, finishMovie: unused },
            summaryOf: unused,
            drop: nothing,
          },
          { plan, outputFolder: root, movie: undefined, deliver: "files" },
          [],
        ),
        tiles: undefined,
      },
      journal: { append: nothing },
      report: { observe: (event) => events.push(event), stats: new StatsCollector(0, { frames: 2, chunks: plan.chunks.length }, []) },
      process: { clock: systemClock, log: silentLog },
    },
    {
      plan,
      schedule: startSchedule(plan),
      policy: { ...DEFAULT_POLICY, verify: "full", secret: randomBytes(8).toString("hex") },
      ledger: startLedger({ plan }),
    },
  );
  job.addDonor(link);
  return await job.run(new AbortController().signal).catch((error: unknown) => error);
}

const failed = (chunk: Chunk): DonorUpdate => ({
  type: "failed",
  chunk: chunk.id,
  code: "SCENE_CHANGED",
  message: changed().message,
  kind: "task",
});

describe("the scene files changed since they were sent", () => {
  it("ends the job with SCENE_CHANGED when this machine renders", async () => {
    expect(await run(donor(true, failed))).toMatchObject({ code: "SCENE_CHANGED", message: expect.stringContaining("/project/card.png") });
  });

  it("ends the job when a result is checked, and bans no donor", async () => {
    const files = [{ role: "raw" as const, name: "f.exr", sha256: "ab".repeat(32), bytes: 10 }];
    const rendered = donor(false, (chunk) => ({ type: "rendered", chunk: chunk.id, files, seconds: 1 }));
    expect(await run(rendered)).toMatchObject({ code: "SCENE_CHANGED" });
    expect(events.filter(({ event }) => event === "donor-banned")).toEqual([]);
  });

  it("cannot be claimed by another donor", async () => {
    expect(await run(donor(false, failed))).not.toMatchObject({ code: "SCENE_CHANGED" });
  });
});
