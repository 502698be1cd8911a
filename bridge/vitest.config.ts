import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { slowness } from "./test/time/slowness.ts";

/** From what takes minutes to what takes milliseconds: else the longest file may come last, and run alone. */
const LONGEST_FIRST = ["sample-scenes.test", "/test/e2e/", "/test/integration/", "/sandbox/", "/blender/", ""];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => LONGEST_FIRST.findIndex((part) => moduleId.includes(part));
    return files.toSorted((a, b) => place(a) - place(b));
  }
}

/** What needs Blender, Docker, ffmpeg, sockets or minutes; a single test of another room says so in its name. */
const INTEGRATION = [
  "bridge/**/*.integration.test.ts",
  "bridge/{blender,network,sandbox}/**/*.test.ts",
  "bridge/test/{contract,integration,simulation,soak}/**/*.test.ts",
  "sample-scenes/**/*.test.ts",
  "bench/**/*.test.ts",
];
const E2E = ["bridge/test/e2e/**/*.test.ts"];

/** Limits only end what hangs, so they are long, and longer on a slow machine. */
const SLOWNESS = await slowness();

/** Three kinds of tests, each with a command: `npm run test:unit` is the loop people live in. */
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    // Real Blenders and real nodes are a process each: two at a time, and time to spare on a slow machine.
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // Beside two busy cores a Blender that gives way would render next to nothing.
    env: { BRIDGE_DONOR_PRIORITY: "normal" },
    testTimeout: 300_000 * SLOWNESS,
    hookTimeout: 300_000 * SLOWNESS,
    teardownTimeout: 30_000 * SLOWNESS,
    expect: { poll: { timeout: 30_000 * SLOWNESS } },
    allowOnly: process.env["CI"] !== "true",
    // Only where it is asked for (--coverage): bridge/build/coverage.mjs reads the summary.
    coverage: {
      provider: "v8",
      include: ["bridge/{core,requester,donor}/**/*.ts"],
      exclude: ["**/fixtures/**"],
      reporter: ["json-summary"],
      reportsDirectory: ".reports/coverage",
    },
    projects: [
      { extends: true, test: { name: "unit", include: ["bridge/**/*.test.ts"], exclude: [...INTEGRATION, ...E2E], isolate: false } },
      { extends: true, test: { name: "integration", include: INTEGRATION } },
      { extends: true, test: { name: "e2e", include: E2E } },
    ],
  },
});
