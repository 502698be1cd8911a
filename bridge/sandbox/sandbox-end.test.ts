import { describe, expect, it } from "vitest";
import { limitReached, type SandboxEnd } from "./sandbox-end.ts";

const END: SandboxEnd = { exitCode: 0, outOfMemory: false, lastWord: "ended", memoryBytes: 2 ** 30, pids: 256 };

describe("why a sandbox ended", () => {
  it.each<[string, Partial<SandboxEnd>, string | undefined]>([
    ["by itself", {}, undefined],
    ["with an exit code that looks like a kill", { exitCode: 137 }, undefined],
    ["without a final message of its supervisor", { exitCode: 137, lastWord: undefined }, undefined],
    ["with an unknown final message", { lastWord: "memory" }, undefined],
    ["out of memory", { exitCode: 137, outOfMemory: true, lastWord: undefined }, "MEMORY_EXCEEDED"],
    [
      "out of memory, whatever its exit code and final message",
      { exitCode: 0, outOfMemory: true, lastWord: "processes" },
      "MEMORY_EXCEEDED",
    ],
    ["at the process limit", { exitCode: 70, lastWord: "processes" }, "PROCESSES_EXCEEDED"],
    ["at its maximum age", { exitCode: 124, lastWord: "deadline" }, "BLENDER_HUNG"],
    ["because the engine was silent", { exitCode: 76, lastWord: "silence" }, "SANDBOX_UNAVAILABLE"],
  ])("%s", (_, end, code) => expect(limitReached({ ...END, ...end })?.code).toBe(code));
});
