import { join } from "node:path";
import { execa } from "execa";
import { BLENDER } from "./blender-reference.ts";
import { SAMPLES } from "./bridge-command.ts";

/** Saves a sample scene, changed by lines of Python with `bpy`, uncompressed, so that texts can be found in the file. */
export async function saveVariant(sample: string, path: string, change: readonly string[]): Promise<void> {
  const script = ["import bpy", ...change, `bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(path)}, compress=False)`].join("\n");
  await execa(BLENDER, ["-b", "--factory-startup", "--python-exit-code", "1", join(SAMPLES, sample), "--python-expr", script], {
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
  });
}
