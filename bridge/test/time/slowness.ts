import { Worker } from "node:worker_threads";

/** The environment variable with the machine's slowness for every test process, also of Python: `time-limit.ts`, `tests/support/time_limit.py`. */
const VARIABLE = "P2P_RENDER_TEST_SLOWNESS";

/** Tests run two at a time. */
const WORKERS = 2;
/** Duration of a round of `slowness-worker.ts` on the reference machine: two idle cores. */
const QUIET_ROUND_MS = 9.6;
/** Upper bound, so that limits still end a hanging test. */
const MOST = 10;

/**
 * How many times slower than two idle cores this machine is now: 1 to 10. It is measured once, by the first test process, and
 * inherited by all child processes.
 */
export async function slowness(): Promise<number> {
  process.env[VARIABLE] ??= await measure();
  return Number(process.env[VARIABLE]);
}

async function measure(): Promise<string> {
  const rounds = await Promise.all(Array.from({ length: WORKERS }, roundMs));
  const factor = Math.min(MOST, Math.max(1, Math.max(...rounds) / QUIET_ROUND_MS)).toFixed(1);
  if (factor !== "1.0")
    process.stderr.write(`this machine is ${factor} times slower than two quiet cores: time limits of tests are as much longer\n`);
  return factor;
}

function roundMs(): Promise<number> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./slowness-worker.ts", import.meta.url));
    worker.once("message", ({ roundMs: ms }: { readonly roundMs: number }) => resolve(ms));
    worker.once("error", reject);
  });
}
