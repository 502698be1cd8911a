import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Tests start real Blenders and real nodes: a process each, two at a time, and time to spare on a slow machine. */
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    include: ["bridge/**/*.test.ts", "sample-scenes/**/*.test.ts", "bench/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    allowOnly: process.env["CI"] !== "true",
  },
});
