import { describe, expect, it } from "vitest";
import type { DeviceClass } from "../../core/plan/chunk.ts";
import type { Environments, EnvironmentRow } from "../../database/types.ts";
import type { ChosenBlender } from "../job/blender-slots.ts";
import { chooseBlender, environmentNamed, sharingWarning } from "./job-environment.ts";

const A = `a1b2c3${"0".repeat(58)}`;
const B = `a1b2c4${"0".repeat(58)}`;

function row(digest: string, blenderVersion: string, isShared = true): EnvironmentRow {
  const facts = { blenderVersion, buildHash: "abcdef", blenderPath: "/usr/bin/blender", backends: ["CPU"], hasDenoiser: false } as const;
  return { digest, facts, bytes: 1, addedAt: 1, origin: "built", isShared };
}

function home(...rows: readonly EnvironmentRow[]) {
  const environments = {
    list: () => rows,
    get: (digest: string) => rows.find((each) => each.digest === digest),
  } as unknown as Environments;
  return { environments };
}

function blender(version: string, buildHash = "abcdef"): ChosenBlender {
  const deviceClass: DeviceClass = { blenderVersion: version, buildHash, backend: "CPU", arch: "avx2" };
  return { build: { path: "/x", version, buildHash, hasDenoiser: false }, deviceClass };
}

describe("the environment named by a job", () => {
  const both = home(row(A, "3.4.1"), row(B, "4.3.2"));
  it.each([
    ["its name", "blender-3.4.1-a1b2c3000000", A],
    ["its digest", A, A],
    ["its digest as engines write it", `sha256:${B}`, B],
    ["the beginning of its digest", "a1b2c4", B],
    ["its Blender", "4.3.2", B],
    ["its Blender's series", "3.4", A],
  ])("is found by %s", (_, reference, digest) => {
    expect(environmentNamed(both, reference)).toEqual({ digest, row: both.environments.get(digest) });
  });

  it("may be one that only other peers have, by its whole digest", () => {
    expect(environmentNamed(home(), A)).toEqual({ digest: A, row: undefined });
  });

  it.each([
    ["nothing here", "blender-9.9", "there is no environment"],
    ["part of a series", "4.3.", "there is no environment"],
  ])("is missing for %s", (_, reference, words) => {
    expect(() => environmentNamed(both, reference)).toThrow(
      expect.objectContaining({ code: "ENVIRONMENT_MISSING", message: expect.stringContaining(words) }),
    );
  });

  it("is refused when the name matches several, which the advice lists", () => {
    const advice = "Name one: blender-3.4.1-a1b2c3000000, blender-3.4.1-a1b2c4000000.";
    const ambiguous = home(row(A, "3.4.1"), row(B, "3.4.1"));
    expect(() => environmentNamed(ambiguous, "3.4")).toThrow(expect.objectContaining({ code: "ENVIRONMENT_MISSING", advice }));
  });
});

describe("the local Blender for a job in an environment", () => {
  const blenders = [blender("4.3.2"), blender("3.4.1")];
  it("has the environment's build", () => {
    expect(chooseBlender(blenders, undefined, { digest: A, row: row(A, "3.4.1") }).build.version).toBe("3.4.1");
  });

  it("has the build with which the job was started, else the newest", () => {
    expect(chooseBlender(blenders, { version: "3.4.1", buildHash: "abcdef" }, undefined).build.version).toBe("3.4.1");
    expect(chooseBlender(blenders, undefined, undefined).build.version).toBe("4.3.2");
    expect(chooseBlender(blenders, undefined, { digest: A, row: undefined }).build.version).toBe("4.3.2");
  });

  it("does not exist when only another build is installed", () => {
    const named = { digest: A, row: row(A, "3.4.1") };
    expect(() => chooseBlender([blender("3.4.1", "fedcba")], undefined, named)).toThrow(
      expect.objectContaining({ code: "NO_MATCHING_BLENDER" }),
    );
  });
});

it("the requester is warned when donors cannot get the environment from this machine", () => {
  expect(sharingWarning({ digest: A, row: row(A, "3.4.1") })).toBeUndefined();
  expect(sharingWarning({ digest: A, row: row(A, "3.4.1", false) })).toContain("bridge env share a1b2c3000000");
  expect(sharingWarning({ digest: A, row: undefined })).toContain("not in this home");
});
