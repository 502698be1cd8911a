import { describe, expect, it } from "vitest";
import type { PackedBundle } from "../../content/bundle/pack.ts";
import { FarmError } from "../../kernel/errors.ts";
import { SceneSeeder } from "./scene-seeder.ts";

const nowhere = async () => [];
const { signal } = new AbortController();

/** A bundle of blocks, each as long as its name. */
function bundleOf(manifestHash: string, blocks: readonly string[]): PackedBundle {
  const manifest = {
    version: 1 as const,
    scene: "s.blend",
    remap: [],
    files: [{ path: "s.blend", bytes: 1, blocks: blocks.map((sha256) => ({ sha256, bytes: 1 })) }],
  };
  return {
    manifest,
    manifestHash,
    manifestBytes: new Uint8Array(),
    missing: [],
    files: [],
    source: { sizeOf: async (hash) => hash.length, read: async (hash) => Buffer.from(`${manifestHash}/${hash}`) },
  };
}

describe("scenes seeded at the same time", () => {
  it("a peer gets blocks only of the jobs that it has open", async () => {
    const scenes = new SceneSeeder();
    let sentOfA = 0;
    let sentOfB = 0;
    using a = scenes.give(bundleOf("ma", ["a1", "shared"]), { sent: (bytes) => (sentOfA += bytes), changed: () => {} }, nowhere);
    using b = scenes.give(bundleOf("mb", ["b1", "shared"]), { sent: (bytes) => (sentOfB += bytes), changed: () => {} }, nowhere);
    a.admit("anna", true);
    b.admit("bert", true);
    const anna = scenes.servedTo("anna");
    const bert = scenes.servedTo("bert");
    expect(["ma", "a1", "shared", "mb", "b1"].filter((hash) => anna.policy.mayHave(hash))).toEqual(["ma", "a1", "shared"]);
    expect(["ma", "a1", "shared", "mb", "b1"].filter((hash) => bert.policy.mayHave(hash))).toEqual(["shared", "mb", "b1"]);
    expect(scenes.servedTo("stranger").policy.mayHave("shared")).toBe(false);
    expect(Buffer.from(await bert.source.read("shared", 0, 6, signal)).toString()).toBe("mb/shared");
    expect(await anna.source.sizeOf("b1")).toBeUndefined();
    anna.policy.gave?.("a1", 7);
    bert.policy.gave?.("b1", 9);
    expect([sentOfA, sentOfB]).toEqual([7, 9]);
  });

  it("a block that a donor of the same job has is redirected there, not sent again", async () => {
    const scenes = new SceneSeeder();
    using a = scenes.give(bundleOf("ma", ["a1"]), { sent: () => {}, changed: () => {} }, async (id) => [`/at/${id}`]);
    for (const peer of ["anna", "bert"]) a.admit(peer, true);
    const anna = scenes.servedTo("anna").policy;
    expect(await anna.redirect?.("a1", false)).toEqual([]);
    anna.gave?.("a1", 1);
    expect(await scenes.servedTo("bert").policy.redirect?.("a1", false)).toEqual([{ id: "anna", addrs: ["/at/anna"] }]);
  });

  it("an ended job seeds nothing; another job with the same blocks still does", async () => {
    const scenes = new SceneSeeder();
    const a = scenes.give(bundleOf("ma", ["shared", "a1"]), { sent: () => {}, changed: () => {} }, nowhere);
    using b = scenes.give(bundleOf("mb", ["shared"]), { sent: () => {}, changed: () => {} }, nowhere);
    for (const scene of [a, b]) scene.admit("anna", true);
    const { source, policy } = scenes.servedTo("anna");
    a[Symbol.dispose]();
    expect(policy.mayHave("a1")).toBe(false);
    await expect(source.read("a1", 0, 1, signal)).rejects.toMatchObject({ code: "BLOCK_MISSING" });
    expect(Buffer.from(await source.read("shared", 0, 1, signal)).toString()).toBe("mb/shared");
    b.admit("anna", false);
    expect(policy.mayHave("shared")).toBe(false);
  });

  it("only the job whose file changed is told", () => {
    const scenes = new SceneSeeder();
    const heard: string[] = [];
    using a = scenes.give(bundleOf("ma", ["a1"]), { sent: () => {}, changed: () => heard.push("a") }, nowhere);
    using b = scenes.give(bundleOf("mb", ["b1"]), { sent: () => {}, changed: () => heard.push("b") }, nowhere);
    for (const scene of [a, b]) scene.admit("anna", true);
    const { policy } = scenes.servedTo("anna");
    policy.broke?.("b1", new FarmError("SCENE_CHANGED", "it changed"));
    policy.broke?.("a1", new FarmError("PEER_UNREACHABLE", "the stream was cut"));
    expect(heard).toEqual(["b"]);
  });
});
