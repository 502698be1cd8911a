import { expect, it } from "vitest";
import { JobBackgroundTasks } from "./job-tasks.ts";

it("lists running tasks with their start times, without ended ones", async () => {
  let nowMs = 5;
  const tasks = new JobBackgroundTasks({ nowMs: () => nowMs, failed: () => {} });
  const first = Promise.withResolvers<void>();
  tasks.start("the check of chunk c0", "other", () => first.promise);
  nowMs = 9;
  tasks.start("finishing pictures", "finish", async () => {});
  expect(tasks.waits).toEqual([
    { what: "the check of chunk c0", kind: "other", sinceMs: 5 },
    { what: "finishing pictures", kind: "finish", sinceMs: 9 },
  ]);
  first.resolve();
  await tasks.settle();
  expect(tasks.waits).toEqual([]);
});

it("settles when all tasks have ended, also those that a task started", async () => {
  const tasks = new JobBackgroundTasks({ nowMs: () => 0, failed: () => {} });
  const order: string[] = [];
  const inner = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    order.push("inner");
  };
  tasks.start("outer", "other", async () => tasks.start("inner", "other", inner));
  await tasks.settle();
  expect(order).toEqual(["inner"]);
});

it("reports a task that threw, and continues with the others", async () => {
  const failures: unknown[] = [];
  const tasks = new JobBackgroundTasks({ nowMs: () => 0, failed: (error) => failures.push(error) });
  const broken = new Error("the disk is full");
  let ran = false;
  tasks.start("a", "other", async () => {
    throw broken;
  });
  tasks.start("b", "other", async () => void (ran = true));
  await tasks.settle();
  expect([failures, ran, tasks.waits]).toEqual([[broken], true, []]);
});
