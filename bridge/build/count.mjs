// Runs on Node 18: no newer syntax here.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../bin/node-runtime.mjs";

/** Adds up what the runners counted, by their own reports. A runner that failed without a count counts as one failure. */
const READERS = {
  "vitest-unit.json": fromVitest,
  "coverage.json": fromCheck,
  "vitest.json": fromVitest,
  "pytest.xml": fromPytest,
  "check.json": fromCheck,
  "soak.json": JSON.parse,
};

function fromVitest(text) {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(text);
  // A file that could not even be loaded has no tests to fail.
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  );
  return { passed: numPassedTests, failed: numFailedTests + broken.length };
}

function fromPytest(text) {
  const count = (name) => Number((new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`).exec(text) || [])[1] || 0);
  const failed = count("failures") + count("errors");
  return { passed: count("tests") - failed - count("skipped"), failed };
}

function fromCheck(text) {
  const passed = JSON.parse(text).filter((check) => check.passed).length;
  return { passed, failed: JSON.parse(text).length - passed };
}

const total = { passed: 0, failed: 0 };
for (const [name, read] of Object.entries(READERS)) {
  const file = join(PROJECT, ".reports", name);
  if (!existsSync(file)) continue;
  const { passed, failed } = read(readFileSync(file, "utf8"));
  console.log(`${name}: ${passed} passed, ${failed} failed`);
  total.passed += passed;
  total.failed += failed;
}
const codes = process.argv.slice(2).map(Number);
if (total.failed === 0 && codes.some((code) => code !== 0)) total.failed = 1;
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
