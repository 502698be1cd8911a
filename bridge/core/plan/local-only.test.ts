import { expect, it } from "vitest";
import { staysHere } from "./local-only.ts";

const scripts = { code: "own-scripts", sentence: 'Scene "Scene" shades by scripts of its own.' };

it("a job stays on this machine when its scene runs scripts that donors would leave out", () => {
  expect(staysHere({ warnings: [scripts] }, true)).toBe(true);
  expect(staysHere({ warnings: [{ code: "script-driver", sentence: "" }] }, true)).toBe(false);
  expect(staysHere({ warnings: [] }, false)).toBe(false);
});

it("and nowhere when this machine does not join in", () => {
  expect(() => staysHere({ warnings: [scripts] }, false)).toThrow(expect.objectContaining({ code: "SCENE_RUNS_SCRIPTS" }));
});
