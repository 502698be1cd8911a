import { describe, expect, it } from "vitest";
import { FarmError } from "../kernel/errors.ts";
import { donorOf } from "./fixtures/served.ts";
import { fetchJobInputs } from "./fetch-job-inputs.ts";
import type { DonorEnvironments } from "./ports.ts";
import type { OpenedJob, ServeJobDeps } from "./serve-job-deps.ts";

const DIGEST = "d".repeat(64);
const requester = { id: "anna", addrs: [] };
const build = { blenderVersion: "4.3.2", buildHash: "abc" };
const ticket: OpenedJob = { job: "j1", manifest: "a".repeat(64), manifestBytes: 10, build, requester, allowPreview: false };
const inside = { image: "sha256:1", blender: { path: "/b", version: "4.3.2", buildHash: "abc" } };
const signal = new AbortController().signal;

/** A donor whose environments are brought as `bring` says, in 1.5 s of its time. */
function donorWith(bring: DonorEnvironments["bring"] | undefined) {
  const order: string[] = [];
  const dismissed: string[] = [];
  let nowMs = 0;
  const clock = { now: () => nowMs, monotonicMs: () => nowMs, sleep: async () => {} };
  const donor = donorOf({ clock });
  const environments = bring && {
    now: () => ({ here: new Set<string>(), refused: new Map<string, string>(), arch: "avx2" }),
    bring: async (...asked: Parameters<typeof bring>) => {
      order.push(`environment ${asked[0].digest.slice(0, 1)} of ${asked[0].sources()[0]?.id}`);
      nowMs += 1_500;
      return await bring(...asked);
    },
  };
  const fetchScene: typeof donor.deps.store.fetchScene = async (request, end, onProgress) => {
    order.push("scene");
    return await donor.deps.store.fetchScene(request, end, onProgress);
  };
  const deps: ServeJobDeps = { ...donor.deps, environments, store: { ...donor.deps.store, fetchScene } };
  const dismiss = async (reason: string) => void dismissed.push(reason);
  const talk = { sources: () => [requester], fetching: () => {}, dismiss };
  const fetch = (job: Partial<OpenedJob> = {}) => fetchJobInputs(deps, { ...ticket, ...job }, talk, signal);
  return { fetch, order, dismissed, events: donor.events };
}

describe("inputs of a job before its first chunk", () => {
  it("are only its scene when it names no environment", async () => {
    const donor = donorWith(async () => inside);
    expect(await donor.fetch()).toEqual({ key: "scene", path: "/scene.blend", remap: {} });
    expect(donor.order).toEqual(["scene"]);
    expect(donor.events).toEqual([{ event: "scene-fetched", job: "j1", bytes: 10 }]);
  });

  it("are first its environment, then the scene, which is opened in it [L13]", async () => {
    const donor = donorWith(async () => inside);
    expect(await donor.fetch({ environment: DIGEST })).toMatchObject({ key: "scene", environment: inside });
    expect(donor.order).toEqual(["environment d of anna", "scene"]);
    expect(donor.events[0]).toEqual({ event: "environment-ready", job: "j1", digest: DIGEST, seconds: 1.5 });
  });

  it("are only its scene when the donor uses no environments", async () => {
    const donor = donorWith(undefined);
    expect(await donor.fetch({ environment: DIGEST })).not.toHaveProperty("environment");
    expect(donor.order).toEqual(["scene"]);
  });

  it("end the job with a reason when the environment cannot be fetched; the scene is not fetched [L13]", async () => {
    const donor = donorWith(() => Promise.reject(new FarmError("BLOCK_MISSING", "nobody has it")));
    await expect(donor.fetch({ environment: DIGEST })).rejects.toMatchObject({ code: "BLOCK_MISSING" });
    expect(donor.dismissed).toEqual(["nobody has it"]);
    expect(donor.order).not.toContain("scene");
    expect(donor.events).toEqual([]);
  });

  it.each([
    ["is asked, when the terms say so", "ask", [{ event: "job-refused", job: "j1", requester: "anna", reason: "not yet", asks: DIGEST }]],
    ["is not asked, when the terms have said no", "refuse", []],
  ])("the owner %s", async (_, verdict, events) => {
    const donor = donorWith(() => Promise.reject(new FarmError("ENVIRONMENT_REFUSED", "not yet", { facts: { verdict } })));
    await expect(donor.fetch({ environment: DIGEST })).rejects.toMatchObject({ code: "ENVIRONMENT_REFUSED" });
    expect(donor.events).toEqual(events);
    expect(donor.dismissed).toEqual(["not yet"]);
  });
});
