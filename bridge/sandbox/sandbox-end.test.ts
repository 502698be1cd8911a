import { describe, expect, it } from "vitest";
import { limitReached, type SandboxEnd } from "./sandbox-end.ts";

const END: SandboxEnd = { exitCode: 0, outOfMemory: false, lastWord: "ended", memoryBytes: 2 ** 30, pids: 256 };

describe("why a sandbox ended", () => {
  it.each<[string, Partial<SandboxEnd>, string | undefined]>([
    ["by itself", {}, undefined],
    ["with an exit code that looks like a kill", { exitCode: 137 }, undefined],
    ["before its supervisor could speak", { exitCode: 137, lastWord: undefined }, undefined],
    ["with a word that nobody knows", { lastWord: "memory" }, undefined],
    ["out of memory", { exitCode: 137, outOfMemory: true, lastWord: undefined }, "MEMORY_EXCEEDED"],
    ["out of memory, whatever its code and word", { exitCode: 0, outOfMemory: true, lastWord: "processes" }, "MEMORY_EXCEEDED"],
    ["by too many processes", { exitCode: 70, lastWord: "processes" }, "PROCESSES_EXCEEDED"],
    ["for its age", { exitCode: 124, lastWord: "deadline" }, "BLENDER_HUNG"],
    ["for the silence of the engine", { exitCode: 76, lastWord: "silence" }, "SANDBOX_UNAVAILABLE"],
  ])("%s", (_, end, code) => expect(limitReached({ ...END, ...end })?.code).toBe(code));
});
