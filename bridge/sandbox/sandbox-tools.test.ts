import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { installTools, TOOLS } from "./sandbox-tools.ts";

test("copies the scripts and their packages, readable by everybody and writable by nobody", async () => {
  const root = await mkdtemp(join(tmpdir(), "sandbox-tools-"));
  try {
    const [scripts, tools] = [join(root, "checkout"), join(root, "tools")];
    for (const folder of ["package/inner", "package/__pycache__"]) await mkdir(join(scripts, folder), { recursive: true, mode: 0o700 });
    for (const file of ["main.py", "package/inner/part.py", "package/__pycache__/part.py", "package/notes.txt"]) {
      await writeFile(join(scripts, file), "", { mode: 0o600 });
    }
    await installTools(tools, scripts, "x86_64");
    const laid = join(tools, TOOLS.scripts);
    const names = await readdir(laid, { recursive: true });
    expect(names.sort()).toEqual(["main.py", "package", "package/inner", "package/inner/part.py"]);
    const modes = await Promise.all(names.map(async (name) => (await stat(join(laid, name))).mode & 0o777));
    expect(modes).toEqual([0o444, 0o755, 0o755, 0o444]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
