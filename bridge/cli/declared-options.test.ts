import { Command } from "commander";
import { expect, it } from "vitest";
import { JOB_OPTIONS } from "../core/job/job-options.ts";
import { addDeclared, declaredValues } from "./declared-options.ts";

function valuesOf(...argv: string[]) {
  const command = addDeclared(new Command().exitOverride().configureOutput({ outputError: () => {} }), JOB_OPTIONS);
  return declaredValues(JOB_OPTIONS, command.parse(argv, { from: "user" }).opts());
}

it("frames of several -f are all rendered, in the order given", () => {
  expect(valuesOf("-f", "3", "-f", "1..2")).toMatchObject({ frames: "3,1..2" });
});

it("of another repeated option the last value counts", () => {
  expect(valuesOf("--tiles", "2x2", "--tiles", "off")).toMatchObject({ tiles: "off" });
});

it("an empty one of several -f is refused", () => {
  expect(() => valuesOf("-f", "3", "-f", "")).toThrow("It is empty");
});
