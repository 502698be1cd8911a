import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../bin/node-runtime.mjs";

/** Where the runners leave their counts, for .ci/run to add up. */
const REPORTS = join(PROJECT, ".reports");

const args = process.argv.slice(2);
rmSync(REPORTS, { recursive: true, force: true });
mkdirSync(REPORTS, { recursive: true });

let failed = !runVitest(args);
// With arguments somebody looks for particular tests of the bridge.
if (args.length === 0 && existsSync(join(PROJECT, "blender-addon", "tests"))) failed = !runPytest() || failed;
process.exitCode = failed ? 1 : 0;

function runVitest(wanted) {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${join(REPORTS, "vitest.json")}`];
  const vitest = join(PROJECT, "node_modules", "vitest", "vitest.mjs");
  return passes(process.execPath, [vitest, "run", "--config", join(PROJECT, "bridge", "vitest.config.ts"), ...reporters, ...wanted]);
}

function runPytest() {
  return passes("python3", ["-m", "pytest", "blender-addon/tests", `--junitxml=${join(REPORTS, "pytest.xml")}`]);
}

function passes(command, words) {
  return spawnSync(command, words, { cwd: PROJECT, stdio: "inherit" }).status === 0;
}
