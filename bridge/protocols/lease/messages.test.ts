import { describe, expect, it } from "vitest";
import { Refusal } from "../../core/admission.ts";
import { FRAME_LIMITS } from "../../core/job/frame-limits.ts";
import type { ChunkSpec } from "../../core/plan/chunk.ts";
import type { Availability } from "../../core/terms/availability.ts";
import { availabilityMessage } from "../offer/messages.ts";
import { DonorMessage, LEASE_LIMITS, RequesterMessage } from "./messages.ts";

const rect = { x: 0, y: 0, width: 4, height: 4 };
const raw: ChunkSpec = { kind: "raw", scene: "Scene", frame: 1, width: 8, height: 8, rect, denoise: "none" };
const files: ChunkSpec = { kind: "files", scene: "Scene", frame: 1, output: { name: "####", format: "PNG", useExtension: true } };
const lease = (spec: object) => RequesterMessage.safeParse({ type: "lease", lease: "1", spec });
const open = { type: "open", job: "j1", manifest: "a".repeat(64), manifestBytes: 1, build: { blenderVersion: "4.3.2", buildHash: "abc" } };
const opening = (needs: object) => RequesterMessage.safeParse({ ...open, needs });
const file = { role: "raw", name: "f.exr", sha256: "b".repeat(64), bytes: 5 };
const rendered = (...of: object[]) => DonorMessage.safeParse({ type: "rendered", lease: "1", files: of, seconds: 1, peakMemoryBytes: 1 });

describe("a requester's messages", () => {
  it.each<[string, ChunkSpec]>([
    ["a tile", raw],
    ["a whole frame", files],
    ["a frame with preceding frames to step through", { ...raw, stepFrom: -FRAME_LIMITS.maxFrame }],
    ["the largest tile of the last frame", { ...raw, frame: FRAME_LIMITS.maxFrame, width: FRAME_LIMITS.maxSidePx }],
  ])("[F2] parse %s to the core's shape", (_, spec) => expect(lease(spec).data).toMatchObject({ spec }));

  it.each<[string, object]>([
    ["half of the samples, which only this machine's checks render", { ...raw, half: "first" }],
    ["a scene without a name", { ...raw, scene: "" }],
    ["a scene name over the limit", { ...files, scene: "s".repeat(257) }],
    ["a frame over Blender's maximum", { ...raw, frame: FRAME_LIMITS.maxFrame + 1 }],
    ["a side over Blender's maximum", { ...raw, height: FRAME_LIMITS.maxSidePx + 1 }],
    ["an empty rectangle", { ...raw, rect: { ...rect, width: 0 } }],
    ["an output in another folder", { ...files, output: { name: "../x", format: "PNG", useExtension: true } }],
    ["a format in lower case", { ...files, output: { name: "x", format: "png", useExtension: true } }],
    ["a tile with an output", { ...raw, output: { name: "x", format: "PNG", useExtension: true } }],
  ])("[F2] must not lease %s", (_, spec) => expect(lease(spec).success).toBe(false));

  it("[L17] lease raw chunks with one of three ways of denoising, and a film exposure within limits", () => {
    for (const denoise of ["none", "in-render", "after-assembly"]) expect(lease({ ...raw, denoise }).success, denoise).toBe(true);
    expect(lease({ ...raw, denoise: true }).success).toBe(false);
    const film = (exposure: number) => lease({ ...raw, denoise: "after-assembly", film: { exposure, lightThreshold: 0 } }).success;
    expect([film(1.25), film(0), film(Number.POSITIVE_INFINITY)]).toEqual([true, false, false]);
  });

  it("[L10] may omit the job's requirements, which have upper limits", () => {
    expect(opening({}).success).toBe(true);
    expect(opening({ sceneBytes: LEASE_LIMITS.maxSceneBytes, environment: "c".repeat(64) }).success).toBe(true);
    expect(opening({ sceneBytes: LEASE_LIMITS.maxSceneBytes + 1 }).success).toBe(false);
    expect(opening({ memoryBytes: 2 * LEASE_LIMITS.maxMemoryBytes }).success).toBe(false);
    expect(opening({ chunkSeconds: LEASE_LIMITS.maxChunkSeconds + 1 }).success).toBe(false);
    expect(opening({ environment: "latest" }).success).toBe(false);
  });
});

describe("a donor's messages", () => {
  it("[L1] refuse with every reason of the core, and no other", () => {
    const refused = (reason: string) => DonorMessage.safeParse({ type: "refused", reason, message: "no" }).success;
    for (const reason of Refusal.options) expect(refused(reason), reason).toBe(true);
    expect(refused("bored")).toBe(false);
  });

  it("[L17] name the last sample of each view of each view layer, of a limited number", () => {
    expect(rendered({ ...file, lastSamples: [96, 4096] }).success).toBe(true);
    for (const lastSamples of [[0], [1.5], Array.from({ length: 1_025 }, () => 1)])
      expect(rendered({ ...file, lastSamples }).success).toBe(false);
  });

  it("[L5] commit to files with plain names and sizes within the limit", () => {
    expect(rendered(file, file).success).toBe(true);
    expect(rendered({ ...file, name: "" }).success).toBe(false);
    expect(rendered({ ...file, name: "a/b" }).success).toBe(false);
    expect(rendered({ ...file, bytes: LEASE_LIMITS.maxResultBytes + 1 }).success).toBe(false);
    expect(rendered(...Array.from({ length: LEASE_LIMITS.maxFilesPerResult + 1 }, () => file)).success).toBe(false);
  });

  it("[L11] give the reason for a pause as text, without its code", () => {
    const paused: Availability = { state: "paused", code: "in-use", reason: "somebody is using it" };
    const heard = (availability: object) => DonorMessage.safeParse({ type: "availability", availability });
    expect(heard(availabilityMessage(paused)).data).toEqual({
      type: "availability",
      availability: { state: "paused", reason: "somebody is using it" },
    });
    expect(heard(availabilityMessage({ state: "open" })).success).toBe(true);
    expect(heard(paused).success).toBe(false);
    expect(heard({ state: "closed" }).success).toBe(false);
    const long = availabilityMessage({ state: "closed", code: "schedule", reason: `it donates\nonly ${"mon 1:00-2:00, ".repeat(50)}` });
    expect(heard(long).data).toMatchObject({ availability: { reason: expect.stringMatching(/^it donates only mon/) } });
    const torn = availabilityMessage({ state: "closed", code: "yield", reason: `${"x".repeat(299)}🎲` });
    expect(heard(torn).success).toBe(true);
  });
});
