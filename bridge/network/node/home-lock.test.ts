import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { lockHome } from "./home-lock.ts";

const newHome = () => mkdtemp(join(tmpdir(), "home-lock-"));

/** A process that takes the lock, prints it, and keeps running. */
function holder(home: string) {
  const module = JSON.stringify(new URL("./home-lock.ts", import.meta.url).href);
  const script = `const { lockHome } = await import(${module});
    try { await lockHome(${JSON.stringify(home)}); console.log("held"); } catch (error) { console.log(error.code); process.exit(0); }
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const said = once(child.stdout, "data").then(([data]) => String(data).trim());
  return { child, said };
}

describe("lockHome", () => {
  it("allows one holder at a time, also within one process", async () => {
    const home = await newHome();
    const lock = await lockHome(home);
    await expect(lockHome(home)).rejects.toMatchObject({ code: "HOME_BUSY" });
    await lock[Symbol.asyncDispose]();
    await using again = await lockHome(home);
    expect(again).toBeDefined();
  });

  it("refuses another process while the holder lives, and releases the lock of a killed one", async () => {
    const home = await newHome();
    const { child, said } = holder(home);
    expect(await said).toBe("held");
    await expect(lockHome(home)).rejects.toMatchObject({ code: "HOME_BUSY", facts: { pid: child.pid } });
    child.kill("SIGKILL");
    await once(child, "exit");
    await using lock = await lockHome(home);
    expect(lock).toBeDefined();
    expect(await readdir(join(home, "locks"))).toHaveLength(1);
  });

  it("allows at most one of many processes that start at once", async () => {
    const home = await newHome();
    const holders = Array.from({ length: 5 }, () => holder(home));
    const said = await Promise.all(holders.map((each) => each.said));
    for (const { child } of holders) child.kill("SIGKILL");
    expect(said.filter((word) => word === "held").length).toBeLessThanOrEqual(1);
    expect(said.filter((word) => word !== "held" && word !== "HOME_BUSY")).toEqual([]);
  });

  it("releases the lock of a dead holder whose process id is now another process's, or this one's", async () => {
    const home = await newHome();
    await mkdir(join(home, "locks"));
    const token = "7f4df5f0-8d7c-4dcb-8f52-0a55a1bf5b9f";
    for (const pid of [process.pid, process.ppid]) {
      await writeFile(join(home, "locks", `${pid}-${token}.json`), JSON.stringify({ pid, bornAt: "another boot:1", token }));
    }
    await using lock = await lockHome(home);
    expect(lock).toBeDefined();
  });

  it("fails with the path of a home that cannot be written", async () => {
    const file = join(await newHome(), "file");
    await writeFile(file, "");
    await expect(lockHome(file)).rejects.toMatchObject({ code: "HOME_NOT_WRITABLE" });
  });
});
