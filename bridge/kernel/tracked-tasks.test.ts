import { expect, it } from "vitest";
import { TrackedTasks } from "./tracked-tasks.ts";

it("waits for all running tasks, also for tasks that they start", async () => {
  const tasks = new TrackedTasks();
  const told: string[] = [];
  const later = (name: string) => new Promise<void>((resolve) => setTimeout(() => resolve(void told.push(name)), 5));
  void tasks.add(later("first").then(() => void tasks.add(later("second"))));
  expect(tasks.size).toBe(1);
  await tasks.settle();
  expect(told).toEqual(["first", "second"]);
  expect(tasks.size).toBe(0);
});

it("returns a task's result or error, and settles although a task failed", async () => {
  const tasks = new TrackedTasks();
  expect(await tasks.add(Promise.resolve(3))).toBe(3);
  const failing = tasks.add(Promise.reject(new Error("no")));
  await Promise.all([tasks.settle(), expect(failing).rejects.toThrow("no")]);
});

it("settles at once when no task runs", async () => {
  await new TrackedTasks().settle();
});
