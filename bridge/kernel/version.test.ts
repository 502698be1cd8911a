import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { VERSION } from "./version.ts";

it("is the version of package.json", async () => {
  const page = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  expect(VERSION).toBe(page.version);
});
