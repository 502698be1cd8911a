import { describe, expect, it } from "vitest";
import { admit, type AdmissionRequest, type AdmissionTerms, type LocalEnvironments, isTemporary, sameDeviceClass } from "./admission.ts";
import type { DeviceClass } from "./plan/chunk.ts";
import { OPEN } from "./terms/availability.ts";
import { DEFAULT_TERMS } from "./terms/terms.ts";

const build: DeviceClass = { blenderVersion: "4.3.2", buildHash: "abc", backend: "CPU", arch: "avx2" };
const terms: AdmissionTerms = {
  builds: [build],
  who: DEFAULT_TERMS,
  availability: OPEN,
  jobs: 0,
  maxJobs: 2,
  evicted: new Set(["bad"]),
  memoryBytes: 8 * 2 ** 30,
  diskBytes: 2 ** 30,
  secondsLeft: undefined,
};
const request: AdmissionRequest = { peer: "anna", job: "j1", build: { blenderVersion: "4.3.2", buildHash: "abc" }, needs: {} };
const environments: LocalEnvironments = { here: new Set(), refused: new Map([["bad", "it is a lie"]]), arch: "avx2" };
const anyImage = { ...DEFAULT_TERMS, environments: ["any"] };
const asking = { environments, who: { ...DEFAULT_TERMS, environments: ["ask"] } };
const why = { code: "x", reason: "somebody is using it" };

describe("admit", () => {
  it("admits a requester with the same Blender build", () => expect(admit(request, terms)).toEqual({ deviceClass: build }));

  it("admits a job that fits the limits exactly", () =>
    expect(
      admit({ ...request, needs: { sceneBytes: 2 ** 29, memoryBytes: 8 * 2 ** 30, chunkSeconds: 60 } }, { ...terms, secondsLeft: 60 }),
    ).toEqual({ deviceClass: build }));

  it.each<[string, Partial<AdmissionRequest>, Partial<AdmissionTerms>, readonly [string, string]]>([
    ["another build of the same version", { build: { ...request.build, buildHash: "def" } }, {}, ["no-matching-blender", "4.3.2 (abc)"]],
    ["a peer on the deny list", {}, { who: { ...DEFAULT_TERMS, deny: ["anna"] } }, ["not-welcome", "owner"]],
    ["a peer not on the allow list", {}, { who: { ...DEFAULT_TERMS, allow: ["ben"] } }, ["not-welcome", "owner"]],
    [
      "an environment that is not allowed",
      { needs: { environment: "x" } },
      { environments: { ...environments, here: new Set(["x"]) }, who: { ...DEFAULT_TERMS, environments: ["y"] } },
      ["no-environment", "x"],
    ],
    ["an environment of a stranger", { needs: { environment: "x" } }, { environments }, ["no-environment", "x"]],
    ["an environment that the owner has not allowed yet", { needs: { environment: "x" } }, asking, ["environment-asked", "x"]],
    [
      "an environment that proved to be none",
      { needs: { environment: "bad" } },
      { environments, who: anyImage },
      ["no-environment", "a lie"],
    ],
    [
      "any environment when the donor uses none",
      { needs: { environment: "x" } },
      { who: anyImage },
      ["no-environment", "not use environments"],
    ],
    ["a job that the owner evicted", { job: "bad" }, {}, ["evicted", "evicted this job"]],
    ["one job too many", {}, { jobs: 2 }, ["busy", "2 jobs"]],
    ["anybody while paused", {}, { availability: { state: "paused", ...why } }, ["paused", "somebody is using it"]],
    ["anybody while closed", {}, { availability: { state: "closed", ...why } }, ["closed", "somebody is using it"]],
    ["a scene larger than the disk given", { needs: { sceneBytes: 3 * 2 ** 29 } }, {}, ["no-space", "3.0 GiB"]],
    ["a scene larger than a slot's memory", { needs: { memoryBytes: 9 * 2 ** 30 } }, {}, ["no-memory", "9.0 GiB"]],
    ["a scene larger than a slot's part of a GPU", { needs: { memoryBytes: 2 ** 32 } }, { gpuMemoryBytes: 2 ** 31 }, ["no-memory", "GPU"]],
    ["a chunk longer than the hours left", { needs: { chunkSeconds: 600 } }, { secondsLeft: 300 }, ["no-time", "10 minutes"]],
  ])("refuses %s, and says why", (_, asked, under, [refused, word]) =>
    expect(admit({ ...request, ...asked }, { ...terms, ...under })).toEqual({ refused, message: expect.stringContaining(word) }),
  );

  it("admits a job in an environment whatever Blender is installed here, with the environment's device class on this CPU", () => {
    const inside = { ...request, build: { blenderVersion: "3.4.1", buildHash: "def" }, needs: { environment: "x" } };
    const deviceClass = { blenderVersion: "3.4.1", buildHash: "def", backend: "CPU", arch: "avx2" };
    expect(admit(inside, { ...terms, builds: [], environments: { ...environments, here: new Set(["x"]) } })).toEqual({ deviceClass });
    expect(admit(inside, { ...terms, builds: [], environments, who: anyImage })).toEqual({ deviceClass });
  });
  it("admits the owner's own jobs however many jobs of others there are", () =>
    expect(admit(request, { ...terms, jobs: 9, who: { ...DEFAULT_TERMS, own: ["anna"] } })).toEqual({ deviceClass: build }));

  it("lets deny win over allow", () =>
    expect(admit(request, { ...terms, who: { ...DEFAULT_TERMS, allow: ["anna"], deny: ["anna"] } })).toMatchObject({
      refused: "not-welcome",
    }));
});

it("some refusals are temporary, others are final", () => {
  expect(["busy", "paused", "closed", "no-time", "environment-asked"].every(isTemporary)).toBe(true);
  expect(["not-welcome", "no-environment", "evicted", "no-memory", "no-space", "no-matching-blender"].some(isTemporary)).toBe(false);
});

it("machines are of one device class only with the same build, backend and instruction set", () => {
  expect(sameDeviceClass(build, { ...build })).toBe(true);
  expect(sameDeviceClass(build, { ...build, arch: "sse42" })).toBe(false);
  expect(sameDeviceClass(build, { ...build, backend: "CUDA" })).toBe(false);
  const gpu = { ...build, backend: "OPTIX", arch: "sm_90", driver: "550.54.14" } as const;
  expect(sameDeviceClass(gpu, { ...gpu })).toBe(false);
});
