#!/usr/bin/env node
// The command `bridge`, from a checkout or from an installed package. Runs on Node 18: no newer syntax here.
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { endWithParent, findNode, handOver, isNewEnough, NODE_FLOOR, PROJECT } from "./node-runtime.mjs";

/** Node strips no types under node_modules, so a package brings built JavaScript and no sources; a checkout runs its sources. */
const source = join(PROJECT, "bridge", "cli", "main.ts");
const installed = !existsSync(source);

/** @returns {Promise<number>} the exit code. */
async function run(args) {
  if (isNewEnough()) {
    endWithParent();
    nodeModule.enableCompileCache(); // the second start takes half the time
    // Pixel buffers count towards the heap: without this nearly every tile would cause a full garbage collection (half of a donor's CPU time).
    setFlagsFromString("--heap-growing-percent=100");
    if (!installed && !existsSync(join(PROJECT, "node_modules", "commander")))
      return say("Its packages are missing: type `npm run setup`.");
    const { main } = await import(pathToFileURL(installed ? join(PROJECT, "dist", "bridge.js") : source).href);
    return main(args);
  }
  const node = findNode();
  if (node === undefined) {
    const cure = installed
      ? `install Node ${NODE_FLOOR} or newer (https://nodejs.org)`
      : "type `npm run setup`, which puts one beside the project";
    return say(`bridge needs Node ${NODE_FLOOR} or newer and this is ${process.versions.node}: ${cure}.`);
  }
  return handOver(node, ["--disable-warning=ExperimentalWarning", fileURLToPath(import.meta.url), ...args], { watched: true });
}

function say(message) {
  process.stderr.write(`${message}\n`);
  return 2;
}

// Not process.exit: what is still being written must get out.
process.exitCode = await run(process.argv.slice(2));
