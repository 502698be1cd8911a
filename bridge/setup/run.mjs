// The entry of every npm script: sets up what is missing, then runs it on a Node that is new enough.
// Runs on Node 18: no newer syntax here.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { handOver, PROJECT } from "../bin/node-runtime.mjs";
import { renewLock } from "./packages-step.mjs";
import { isPurpose, setUp } from "./setup.mjs";
import { ensureNode } from "./node-step.mjs";

/** What each script needs set up, and the programs it then runs, one after the other until one fails. */
const SCRIPTS = {
  demo: { purpose: "demo", runs: [["bridge/demo/demo.ts"]] },
  test: { purpose: "test", runs: [["bridge/build/test.mjs"]] },
  "test:unit": { purpose: "code", runs: [["bridge/build/test.mjs", "--project", "unit"]] },
  "test:integration": { purpose: "test", runs: [["bridge/build/test.mjs", "--project", "integration"]] },
  "test:e2e": { purpose: "test", runs: [["bridge/build/test.mjs", "--project", "e2e"]] },
  "test:versions": { purpose: "test", runs: [["bridge/test/versions/run.mjs"]] },
  soak: { purpose: "test", runs: [["bridge/test/soak/soak.ts"]] },
  bench: { purpose: "test", runs: [["bench/bench.ts"]] },
  check: { purpose: "check", runs: [["bridge/build/check.mjs"]] },
  format: { purpose: "check", runs: [["bridge/build/format.mjs"]] },
  "package:addon": { purpose: "addon", runs: [["bridge/build/package-addon.mjs"]] },
  build: { purpose: "code", runs: [["bridge/build/build.mjs"]] },
  messages: { purpose: "code", runs: [["bridge/build/addon-messages.ts", "--write"]] },
  errors: { purpose: "code", runs: [["bridge/build/errors-page.ts", "--write"]] },
};

/** Benchmarks that are asked for by name: `npm run bench -- gpu`. */
const BENCHES = {
  addon: "bench/addon.ts",
  "binary-frames": "bench/binary-frames.ts",
  control: "bench/control.ts",
  gpu: "bench/gpu.ts",
  transfer: "bench/transfer.ts",
};

/** @returns {Promise<number>} the exit code: that of the program, 2 when it could not be run. */
async function run(name, args) {
  if (name === "setup") return setUpOnly(args);
  if (name === "lock") return lock();
  const script = SCRIPTS[name];
  if (script === undefined) return refuse(`there is no script "${name}": ${["setup", "lock", ...Object.keys(SCRIPTS)].join(", ")}`);
  const node = await setUp(script.purpose);
  if (node === undefined) return 2;
  for (const [file, ...fixed] of name === "bench" ? benchOf(args) : script.runs) {
    if (!existsSync(join(PROJECT, file))) return refuse(`${file} is missing from this checkout`);
    const code = await handOver(node, ["--disable-warning=ExperimentalWarning", join(PROJECT, file), ...fixed, ...args], { cwd: PROJECT });
    if (code !== 0) return code;
  }
  return 0;
}

/** The benchmark that the first word names, which is taken off; else the one of whole jobs. */
function benchOf(args) {
  const named = Object.hasOwn(BENCHES, args[0] ?? "") ? BENCHES[args.shift()] : undefined;
  return named === undefined ? SCRIPTS.bench.runs : [[named]];
}

async function setUpOnly(args) {
  const at = args.indexOf("--for");
  const purpose = at < 0 ? "run" : args[at + 1];
  if (purpose === undefined || !isPurpose(purpose)) return refuse("--for takes demo, test, run, addon, code or check");
  return (await setUp(purpose)) === undefined ? 2 : 0;
}

function lock() {
  const node = ensureNode();
  return node !== undefined && renewLock(node) ? 0 : 2;
}

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  return 2;
}

process.exitCode = await run(process.argv[2], process.argv.slice(3));
