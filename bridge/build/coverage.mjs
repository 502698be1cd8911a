import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { PROJECT } from "../bin/node-runtime.mjs";

/** The least share of a room's branches, in per cent, that the unit tests must go through. */
const FLOORS = { core: 90, requester: 90, donor: 90 };

/** What vitest.config.ts has vitest write: for each file, how many branches it has and how many were taken. */
const SUMMARY = join(".reports", "coverage", "coverage-summary.json");

/**
 * Prints a line for each room, and leaves for .ci/run which of them are above their floor.
 *
 * @returns {boolean} whether all are.
 */
export function reportCoverage() {
  const file = join(PROJECT, SUMMARY);
  if (!existsSync(file)) {
    console.log("branch coverage: not measured, because the unit tests failed");
    return false;
  }
  const files = Object.entries(JSON.parse(readFileSync(file, "utf8"))).filter(([path]) => path !== "total");
  const rooms = Object.entries(FLOORS).map(([room, floor]) => roomOf(files, room, floor));
  writeFileSync(join(PROJECT, ".reports", "coverage.json"), JSON.stringify(rooms));
  return rooms.every(({ passed }) => passed);
}

function roomOf(files, room, floor) {
  const here = files.filter(([path]) => relative(join(PROJECT, "bridge"), path).split(sep)[0] === room);
  const sum = (count) => here.reduce((total, [, { branches }]) => total + branches[count], 0);
  const percent = (100 * sum("covered")) / sum("total");
  // A room without branches was not measured: NaN is below every limit.
  const passed = percent >= floor;
  const below = passed ? "" : ` FAILED: below its floor of ${floor} % (bridge/build/coverage.mjs); least covered: ${leastCovered(here)}`;
  console.log(`${room}: ${percent.toFixed(1)} % of ${sum("total")} branches${below}`);
  return { name: `branch coverage of ${room}`, passed };
}

/** Where tests are missing most. */
function leastCovered(files) {
  const missing = ({ total, covered }) => total - covered;
  return files
    .toSorted(([, a], [, b]) => missing(b.branches) - missing(a.branches))
    .slice(0, 5)
    .map(([path, { branches }]) => `${relative(PROJECT, path)} (${missing(branches)} of ${branches.total})`)
    .join(", ");
}
