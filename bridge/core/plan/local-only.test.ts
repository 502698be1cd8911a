import { expect, it } from "vitest";
import { isLocalOnly } from "./local-only.ts";

const scripts = { code: "own-scripts", message: 'Scene "Scene" shades by scripts of its own.' };

it("a job stays on this machine when its scene runs scripts that donors would leave out", () => {
  expect(isLocalOnly({ warnings: [scripts] }, true)).toBe(true);
  expect(isLocalOnly({ warnings: [{ code: "script-driver", message: "" }] }, true)).toBe(false);
  expect(isLocalOnly({ warnings: [] }, false)).toBe(false);
});

it("such a job cannot be planned when this machine does not join in", () => {
  expect(() => isLocalOnly({ warnings: [scripts] }, false)).toThrow(expect.objectContaining({ code: "SCENE_RUNS_SCRIPTS" }));
});
