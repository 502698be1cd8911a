import { describe, expect, it } from "vitest";
import { admit, type AdmissionTerms, sameDeviceClass } from "./admission.ts";
import type { DeviceClass } from "./chunk.ts";

const build: DeviceClass = { blenderVersion: "4.3.2", buildHash: "abc", backend: "CPU", arch: "avx2" };
const terms: AdmissionTerms = { builds: [build], allow: [], deny: [], jobs: 0, maxJobs: 2, paused: false };
const request = { peer: "anna", build: { blenderVersion: "4.3.2", buildHash: "abc" } };

describe("admit", () => {
  it("takes whoever brings the same Blender build", () => expect(admit(request, terms)).toEqual({ deviceClass: build }));

  it.each([
    ["another build of the same version", { ...request, build: { ...request.build, buildHash: "def" } }, terms, "no-matching-blender"],
    ["a peer on the deny list", request, { ...terms, deny: ["anna"] }, "not-welcome"],
    ["a peer not on the allow list", request, { ...terms, allow: ["ben"] }, "not-welcome"],
    ["one job too many", request, { ...terms, jobs: 2 }, "busy"],
    ["anybody while paused", request, { ...terms, paused: true }, "paused"],
  ])("refuses %s", (_, asked, under, refused) => expect(admit(asked, under)).toEqual({ refused }));

  it("lets deny win over allow", () =>
    expect(admit(request, { ...terms, allow: ["anna"], deny: ["anna"] })).toEqual({ refused: "not-welcome" }));
});

it("machines are of one device class only with the same build, backend and instruction set", () => {
  expect(sameDeviceClass(build, { ...build })).toBe(true);
  expect(sameDeviceClass(build, { ...build, arch: "sse42" })).toBe(false);
  expect(sameDeviceClass(build, { ...build, backend: "CUDA" })).toBe(false);
});
