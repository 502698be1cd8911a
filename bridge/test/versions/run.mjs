// Runs on Node 18: no newer syntax here.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** `npm run test:versions [release or program …]`: what touches Blender, with other Blenders than this machine's own. */
const HERE = dirname(fileURLToPath(import.meta.url));
const PROJECT = join(HERE, "..", "..", "..");
const REPORTS = join(PROJECT, ".reports");

/** Debian releases: trixie has Blender 4.3, sid the newest. `bpy-4.5.15` is Blender's own build of that version, with a denoiser. */
const RELEASES = ["trixie", "sid"];
const SUITES = ["bridge/blender", "bridge/test/e2e/sample-scenes.test.ts"];
/** What the Blender add-on does inside Blender. */
const ADDON_SUITE = "blender-addon/tests/blender/test_inside_blender.py";

/** The Blender that a word of the command line means. @returns {{ word: string, program?: string, version?: string }} */
function blenderOf(word) {
  const program = word.includes("/") ? word : rootOf(word);
  const asked = program === undefined ? undefined : spawnSync(program, ["--version"], { encoding: "utf8" });
  const version = asked === undefined ? undefined : (/^Blender (\S+)/m.exec(asked.stdout || "") || [])[1];
  return { word, program, version };
}

function rootOf(word) {
  const own = /^bpy-(.+)$/.exec(word);
  const [script, what] = own ? ["make-bpy-blender.sh", own[1]] : ["make-blender-root.sh", word];
  const made = spawnSync(join(HERE, script), [what], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  return made.status === 0 ? made.stdout.trim() : undefined;
}

/** Runs the suites with one Blender. @returns {string} how it went, beginning with "passed" when all is well. */
function test({ program, version }) {
  if (version === undefined) return "failed: there is no such Blender here";
  const report = join(REPORTS, `vitest-blender-${version}.json`);
  rmSync(report, { force: true });
  const vitest = join(PROJECT, "node_modules", "vitest", "vitest.mjs");
  const flags = [
    "--config",
    join(PROJECT, "bridge", "vitest.config.ts"),
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ];
  const how = { cwd: PROJECT, stdio: "inherit", env: { ...process.env, BLENDER_PATH: program, TEST_BLENDER: program } };
  const { status } = spawnSync(process.execPath, [vitest, "run", ...flags, ...SUITES], how);
  const counts = countsOf(report);
  if (status !== 0 || counts.passed === 0) return `failed: ${counts.failed} of ${counts.passed + counts.failed} tests`;
  const addon = spawnSync("python3", ["-m", "pytest", "-q", ADDON_SUITE], how);
  return addon.status === 0 ? `passed: ${counts.passed} tests, and the add-on's` : "failed: the add-on's tests";
}

function countsOf(report) {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, "utf8"));
    return { passed: numPassedTests, failed: numFailedTests };
  } catch {
    return { passed: 0, failed: 0 }; // it did not come so far
  }
}

mkdirSync(REPORTS, { recursive: true });
const words = process.argv.slice(2);
const blenders = (words.length > 0 ? words : RELEASES).map(blenderOf);
const outcomes = blenders.map((blender) => `Blender ${blender.version || `of ${blender.word}`}: ${test(blender)}`);
process.stdout.write(`\n${outcomes.join("\n")}\n`);
process.exitCode = outcomes.every((line) => line.includes(": passed")) ? 0 : 1;
