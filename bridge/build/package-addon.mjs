import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { PROJECT } from "../bin/node-runtime.mjs";
import { pythonPath } from "../setup/python-step.mjs";

// The zip of the Blender add-on; the last line printed is its path.
const done = spawnSync(pythonPath(), [join(PROJECT, "blender-addon", "build_zip.py"), ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = done.status ?? 1;
