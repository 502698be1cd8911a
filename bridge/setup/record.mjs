// Runs on Node 18: no newer syntax here.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PROJECT } from "../bin/node-runtime.mjs";

const FILE = join(PROJECT, ".runtime", "found.json");

/** What an earlier run found out about `what` and need not find out again. */
export function recall(what) {
  return read()[what];
}

/** Keeps what this run found out. A folder that cannot be written only costs the next run some time. */
export function record(what, facts) {
  try {
    mkdirSync(dirname(FILE), { recursive: true });
    writeFileSync(FILE, `${JSON.stringify({ ...read(), [what]: facts }, undefined, 2)}\n`);
  } catch {
    return;
  }
}

function read() {
  try {
    return JSON.parse(readFileSync(FILE, "utf8"));
  } catch {
    return {};
  }
}
