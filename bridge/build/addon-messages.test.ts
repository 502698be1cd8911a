import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { METHODS } from "../gateway/wire/messages.ts";
import { EVENT_SCHEMAS } from "../gateway/wire/job-messages.ts";
import { addonMessages, TARGET } from "./addon-messages.ts";

const page = addonMessages();

test("the add-on's message classes match the bridge's schemas (npm run messages)", () => {
  expect(readFileSync(TARGET, "utf8")).toBe(page);
});

test("every event and every method with a result has its class, and each class exists once", () => {
  for (const { shape } of EVENT_SCHEMAS) expect(page).toContain(`    "${shape.event.value}": `);
  const results = page.slice(page.indexOf("RESULTS"));
  const empty = ["jobs.unwatch", "jobs.release", "bridge.stop"];
  for (const method of Object.keys(METHODS)) expect(results.includes(`"${method}": `)).toBe(!empty.includes(method));
  const classes = [...page.matchAll(/^class (\w+)/gm)].map(([, name]) => name);
  expect(new Set(classes).size).toBe(classes.length);
});

test("limits, enums, lists and optional fields are converted", () => {
  expect(page).toContain("class Rect:\n    x: Count\n    y: Count\n    width: Positive\n    height: Positive\n");
  expect(page).toContain('    outcome: Literal["complete", "incomplete", "cancelled", "failed"]\n');
  expect(page).toContain("    gpus: tuple[str, ...]\n");
  expect(page).toContain("class DonorAvailability:\n    donor: str\n    name: str\n    open: bool\n    reason: str | None = None\n");
});
