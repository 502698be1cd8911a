import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ERROR_CODES } from "../kernel/error-codes.ts";
import { ERRORS_PAGE, parseErrorTable, renderPage } from "./errors-page.ts";

describe("bridge/ERRORS.md", () => {
  const page = readFileSync(ERRORS_PAGE, "utf8");

  test("has one row per code, with its exit code and its advice (npm run errors)", () => {
    expect(page).toBe(renderPage(parseErrorTable(page)));
    expect(parseErrorTable(page).map((row) => row.code)).toEqual(Object.keys(ERROR_CODES));
  });

  test("describes every code", () => {
    expect(parseErrorTable(page).filter((row) => row.happened.trim() === "")).toEqual([]);
  });

  test("a new code gets a row without a description, which the test above rejects", () => {
    const known = parseErrorTable(page).filter((row) => row.code !== "CANCELLED");
    const row = parseErrorTable(renderPage(known)).find(({ code }) => code === "CANCELLED");
    expect(row).toEqual({ code: "CANCELLED", exitCode: 130, happened: "", advice: ERROR_CODES.CANCELLED.advice });
  });
});
