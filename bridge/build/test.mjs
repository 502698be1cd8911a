import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../bin/node-runtime.mjs";
import { slowness } from "../test/time/slowness.ts";
import { reportCoverage } from "./coverage.mjs";

/** Where the runners leave their counts, for .ci/run to add up. */
const REPORTS = join(PROJECT, ".reports");

const args = process.argv.slice(2);
rmSync(REPORTS, { recursive: true, force: true });
mkdirSync(REPORTS, { recursive: true });
// Both suites take the same factor from their environment.
await slowness();
process.exitCode = (args.length === 0 ? all() : some(args)) ? 0 : 1;

/** Every kind of test, each in a run of its own: coverage is measured by unit tests alone, which are quick and cannot hide behind the others. */
function all() {
  const runs = [
    () => runVitest("vitest-unit.json", ["--project", "unit", "--coverage"]),
    () => reportCoverage(),
    () => runVitest("vitest.json", ["--project", "integration", "--project", "e2e"]),
    () => !existsSync(join(PROJECT, "blender-addon", "tests")) || runPytest(),
  ];
  return runs.map((run) => run()).every((passed) => passed);
}

/** With arguments only the matching tests of the bridge run. */
function some(wanted) {
  const passed = runVitest("vitest.json", wanted);
  return (!wanted.includes("--coverage") || reportCoverage()) && passed;
}

function runVitest(report, wanted) {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${join(REPORTS, report)}`];
  const vitest = join(PROJECT, "node_modules", "vitest", "vitest.mjs");
  return passes(process.execPath, [vitest, "run", "--config", join(PROJECT, "bridge", "vitest.config.ts"), ...reporters, ...wanted]);
}

function runPytest() {
  return passes("python3", ["-m", "pytest", "blender-addon/tests", `--junitxml=${join(REPORTS, "pytest.xml")}`]);
}

function passes(command, words) {
  return spawnSync(command, words, { cwd: PROJECT, stdio: "inherit" }).status === 0;
}
