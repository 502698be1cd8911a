import { expect, it } from "vitest";
import { DeliveryGate } from "./delivery-gate.ts";

it("holds back unchecked results of a donor while one of its results is looked at", () => {
  const gate = new DeliveryGate();
  gate.checkBegins("c1", "liar");
  gate.accept("c2", { donor: "liar", sure: false });
  gate.accept("c3", { donor: "honest", sure: false });
  expect([gate.isSafe("c2"), gate.isSafe("c3")]).toEqual([false, true]);
  gate.checkEnds("c1", "liar");
  expect(gate.isSafe("c2")).toBe(true);
});

it("lets results through that were looked at themselves", () => {
  const gate = new DeliveryGate();
  gate.accept("c1", { donor: "donor", sure: true });
  gate.checkBegins("c2", "donor");
  expect(gate.isSafe("c1")).toBe(true);
});

it("waits for every check of a donor, and forgets what was taken back", () => {
  const gate = new DeliveryGate();
  gate.accept("c1", { donor: "donor", sure: false });
  gate.checkBegins("c2", "donor");
  gate.checkBegins("c3", "donor");
  gate.checkEnds("c2", "donor");
  expect(gate.isSafe("c1")).toBe(false);
  gate.revoke("c1");
  expect(gate.isSafe("c1")).toBe(true);
});
