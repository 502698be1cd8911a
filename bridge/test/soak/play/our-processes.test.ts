import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { familyOf, processesOf } from "./our-processes.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-processes-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

it("finds processes that a story has started, and no other process that uses its folder", async () => {
  const ours = spawn("sleep", ["60"], { env: { PATH: process.env["PATH"], TMPDIR: join(root, "tmp") } });
  const reader = spawn(process.execPath, ["-e", "setInterval(() => {}, 1_000)", `${root}/story.json`], { cwd: root, stdio: "ignore" });
  await Promise.all([once(ours, "spawn"), once(reader, "spawn")]);
  try {
    expect(await processesOf(root)).toEqual([{ pid: ours.pid, command: "sleep 60" }]);
    expect((await familyOf(process.pid)).map(({ pid }) => pid)).toEqual(expect.arrayContaining([process.pid, ours.pid, reader.pid]));
  } finally {
    for (const child of [ours, reader]) child.kill("SIGKILL");
    await Promise.all([once(ours, "close"), once(reader, "close")]);
  }
  expect(await processesOf(root)).toEqual([]);
});
