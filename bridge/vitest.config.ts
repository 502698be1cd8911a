import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** From what takes minutes to what takes milliseconds: else the longest file may come last, and run alone. */
const LONGEST_FIRST = ["sample-scenes.test", "/test/e2e/", "/test/integration/", "/sandbox/", "/blender/", ""];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => LONGEST_FIRST.findIndex((part) => moduleId.includes(part));
    return files.toSorted((a, b) => place(a) - place(b));
  }
}

/** Tests start real Blenders and real nodes: a process each, two at a time, and time to spare on a slow machine. */
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    include: ["bridge/**/*.test.ts", "sample-scenes/**/*.test.ts", "bench/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 30_000,
    allowOnly: process.env["CI"] !== "true",
  },
});
