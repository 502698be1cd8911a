import { describe, expect, it } from "vitest";
import { DEFAULT_TERMS } from "../terms/terms.ts";
import { environmentName, type EnvironmentBlenderInfo, factsFromLabels, imageLabelsOf, matchesEnvironment, parseDigest } from "./facts.ts";
import { chooseEnvironmentsToEvict } from "./evict.ts";
import { preliminaryEnvironmentVerdict, mayRun } from "./may-run.ts";
import { buildArguments, recipeFor } from "./recipe.ts";

const DIGEST = "a".repeat(64);
const OTHER = "b".repeat(64);
const FRIEND = `12D3Koo${"W".repeat(45)}`;
const FACTS: EnvironmentBlenderInfo = {
  blenderVersion: "3.4.1",
  buildHash: "0123456789ab",
  blenderPath: "/usr/bin/blender",
  backends: ["CPU", "CUDA"],
  hasDenoiser: false,
};

describe("an environment's labels", () => {
  it("describe its Blender, and are parsed back to the same", () => {
    expect(factsFromLabels(imageLabelsOf(FACTS))).toEqual(FACTS);
    expect(environmentName(FACTS, DIGEST)).toBe("blender-3.4.1-gpu-aaaaaaaaaaaa");
  });

  it.each([
    ["no mark", { "io.p2p-render.environment": "" }],
    ["a version that is none", { "io.p2p-render.blender.version": "3.4" }],
    ["a hash with a slash", { "io.p2p-render.blender.hash": "../x" }],
    ["a path that is not absolute", { "io.p2p-render.blender.path": "blender" }],
    ["a path with an escape", { "io.p2p-render.blender.path": "/usr/\u001b[2J" }],
  ])("with %s make no environment", (_, change) => {
    expect(factsFromLabels({ ...imageLabelsOf(FACTS), ...change })).toBeUndefined();
  });

  it("leave out unknown backends, and always name the CPU", () => {
    expect(factsFromLabels({ ...imageLabelsOf(FACTS), "io.p2p-render.blender.backends": "OPTIX,QUANTUM" })?.backends).toEqual([
      "CPU",
      "OPTIX",
    ]);
  });
});

describe("a digest", () => {
  it("is read with and without its scheme", () => {
    expect([`sha256:${DIGEST}`, DIGEST, "blender", DIGEST.slice(1)].map(parseDigest)).toEqual([DIGEST, DIGEST, undefined, undefined]);
  });
});

describe("whether an environment may run", () => {
  const asked = { digest: DIGEST, isHere: false, signedBy: [] as string[] };
  const terms = (environments: string[], own: string[] = []) => ({ ...DEFAULT_TERMS, environments, own });
  it.each([
    ["a stranger's, nothing listed", asked, terms([]), "deny"],
    ["one that is here, nothing listed", { ...asked, isHere: true }, terms([]), "accept"],
    ["signed by an own machine", { ...asked, signedBy: [FRIEND] }, terms([], [FRIEND]), "accept"],
    ["listed by its digest", asked, terms([`sha256:${DIGEST}`]), "accept"],
    ["listed by its bare digest", asked, terms([DIGEST]), "accept"],
    ["another one listed", asked, terms([OTHER]), "deny"],
    ["here, but another one listed", { ...asked, isHere: true }, terms([OTHER]), "deny"],
    ["signed by a key that is listed", { ...asked, signedBy: [FRIEND] }, terms([FRIEND]), "accept"],
    ["signed by a key that is not listed", { ...asked, signedBy: [FRIEND] }, terms([OTHER]), "deny"],
    ["any", asked, terms(["any"]), "accept"],
    ["ask", asked, terms(["ask"]), "ask"],
    ["ask, but here", { ...asked, isHere: true }, terms(["ask"]), "accept"],
    ["ask, with another one listed", asked, terms(["ask", OTHER]), "ask"],
    ["ask, and listed", asked, terms(["ask", DIGEST]), "accept"],
  ] as const)("%s: %s", (_, environment, owner, verdict) => {
    const decided = mayRun(environment, owner);
    expect(decided.verdict).toBe(verdict);
    expect("reason" in decided ? decided.reason : DIGEST).toContain(DIGEST);
  });

  it("is refused at once only when no signature could allow it", () => {
    expect(preliminaryEnvironmentVerdict(asked, terms([])).verdict).toBe("deny");
    expect(preliminaryEnvironmentVerdict(asked, terms([OTHER])).verdict).toBe("deny");
    expect(preliminaryEnvironmentVerdict(asked, terms([FRIEND])).verdict).toBe("accept");
    expect(preliminaryEnvironmentVerdict(asked, terms([], [FRIEND])).verdict).toBe("accept");
  });
});

describe("a recipe", () => {
  it.each([
    ["3.4.1", "bookworm"],
    ["4.3", "trixie"],
    ["5.2.2", "sid"],
  ])("for Blender %s is Debian %s's package", (version, release) => {
    expect(recipeFor({ version })).toEqual({ source: "distribution", release });
  });

  it("with a checksum uses the official build with that checksum", () => {
    const recipe = recipeFor({ version: "4.2.9", sha256: DIGEST, gpu: "nvidia" });
    expect(recipe).toEqual({ source: "official", release: "bookworm", version: "4.2.9", sha256: DIGEST, gpu: "nvidia" });
    expect(buildArguments(recipe, "debian:bookworm-slim")).toEqual({
      BASE_IMAGE: "debian:bookworm-slim",
      BLENDER_SOURCE: "official",
      BLENDER_VERSION: "4.2.9",
      BLENDER_SHA256: DIGEST,
    });
  });

  it.each([
    ["three", undefined],
    ["2.93", undefined],
    ["3.6.0", undefined],
    ["4.2", DIGEST],
    ["4.2.9", "abc"],
  ])("is refused for %s with checksum %s", (version, sha256) => {
    expect(() => recipeFor({ version, sha256 })).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

describe("chooseEvictions", () => {
  const minute = 60_000;
  const kept = [
    { digest: "new", bytes: 30, usedAtMs: 95 * minute },
    { digest: "old", bytes: 10, usedAtMs: 10 * minute },
    { digest: "older", bytes: 20, usedAtMs: minute },
  ];
  it.each([
    ["nothing when nothing is wanted", 0, []],
    ["the least recently used", 15, ["older"]],
    ["as many as are needed", 25, ["older", "old"]],
    ["none in vain, and none that just worked", 31, []],
  ])("gives up %s", (_, wanted, chosen) => expect(chooseEnvironmentsToEvict(kept, wanted, 100 * minute)).toEqual(chosen));
});

it.each([
  ["its name", `blender-3.4.1-gpu-${DIGEST.slice(0, 12)}`, true],
  ["its digest", `sha256:${DIGEST}`, true],
  ["the beginning of its digest", DIGEST.slice(0, 6), true],
  ["its version", "3.4.1", true],
  ["the beginning of its version", "3.4", true],
  ["nearly its version", "3.", false],
  ["another version", "3.41", false],
  ["too little of a digest", DIGEST.slice(0, 5), false],
  ["nothing", "", false],
])("an environment is meant by %s: %s", (_, reference, isMeant) => expect(matchesEnvironment(reference, FACTS, DIGEST)).toBe(isMeant));
