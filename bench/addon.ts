import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** `npm run bench -- addon`: the window is driven from Python, as in the add-on's tests. */
const script = fileURLToPath(new URL("addon.py", import.meta.url));
const done = spawnSync("python3", [script, ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = done.status ?? 1;
