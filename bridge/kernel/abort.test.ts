import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { systemWorld } from "./world.ts";
import { abortable, childSignal } from "./abort.ts";

it("a child aborts with its parent and carries the parent's reason", () => {
  const parent = new AbortController();
  using child = childSignal(parent.signal);
  parent.abort(new Error("over"));
  expect(child.signal.reason).toMatchObject({ message: "over" });
});

it("a child of an aborted parent is aborted from the start", () => {
  using child = childSignal(AbortSignal.abort());
  expect(child.signal.aborted).toBe(true);
});

it("a disposed child leaves no listener on a long-lived parent", () => {
  const parent = new AbortController();
  for (let count = 0; count < 100; count++) childSignal(parent.signal).dispose();
  expect(getEventListeners(parent.signal, "abort")).toHaveLength(0);
});

it("a child with a timeout aborts when the time is up", async () => {
  using child = childSignal(undefined, { ms: 5, time: systemWorld });
  await expect(abortable(new Promise(() => {}), child.signal)).rejects.toMatchObject({ name: "TimeoutError" });
});
