import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, it } from "vitest";
import { exitGuard } from "./exit-guard.ts";

const program = fileURLToPath(new URL("fixtures/runs-out-of-work.ts", import.meta.url));

it("a process that runs out of work before its end event sends one, and does not exit with 0", async () => {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [program], { reject: false });
  expect(exitCode).toBe(1);
  expect(stdout).toBe('{"event":"job-ended","outcome":"failed"}');
  expect(stderr).toContain("it ended before its time");
});

it("does nothing once it is released", () => {
  const before = process.listenerCount("exit");
  exitGuard(() => ({}))[Symbol.dispose]();
  expect(process.listenerCount("exit")).toBe(before);
});
