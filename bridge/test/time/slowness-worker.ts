import { parentPort } from "node:worker_threads";

const ROUNDS = 40;

/** A fixed amount of work that cannot be optimised away: about 10 ms on the reference machine of `slowness.ts`. */
function round(seed: number): number {
  let hash = seed;
  for (let count = 0; count < 5_000_000; count += 1) hash = (Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) + count) | 0;
  return hash;
}

// Warm-up: compilation must not be measured.
let hash = 1;
for (let count = 0; count < 3; count += 1) hash = round(hash);
const startMs = performance.now();
for (let count = 0; count < ROUNDS; count += 1) hash = round(hash);
parentPort?.postMessage({ roundMs: (performance.now() - startMs) / ROUNDS, hash });
