import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ERROR_CODES, type ErrorCode } from "../kernel/error-codes.ts";

/** bridge/ERRORS.md: a row for each code. Its description is written there by hand; the rest comes from the table of codes. */
export const ERRORS_PAGE = fileURLToPath(new URL("../ERRORS.md", import.meta.url));

const HEAD = `# Errors

An error prints what happened and where, what to do about it, and one of these codes. The codes are stable: scripts may match them.

With \`--json\` an error is also one line on the standard output, \`{"event":"error","code":…,"message":…,"advice":…}\`, unless the job's \`job-ended\` event
has carried it already, as \`error\`. A bug has the code \`BUG\`.

Exit codes of \`bridge\`: 0 complete or nothing to do, 1 a bug of the bridge, 2 usage or bad input, 3 a job that is incomplete or failed, 130 interrupted.

| code | exit code | what happened | what to do |
|---|---|---|---|
`;

export interface ErrorRow {
  readonly code: string;
  readonly exitCode: number;
  readonly happened: string;
  readonly advice: string;
}

/** The rows of the page's table, in its order. */
export function parseErrorTable(page: string): readonly ErrorRow[] {
  const rows = page.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (.*?) \| (.*?) \|$/gm);
  return [...rows].map(([, code = "", exitCode = "", happened = "", advice = ""]) => ({
    code,
    exitCode: Number(exitCode),
    happened,
    advice,
  }));
}

/** The page for the current codes. A code that is not in `rows` gets an empty cell, to be filled by hand. */
export function renderPage(rows: readonly ErrorRow[]): string {
  const happened = new Map(rows.map((row) => [row.code, row.happened]));
  const lines = (Object.keys(ERROR_CODES) as ErrorCode[]).map((code) => {
    const { exitCode, advice } = ERROR_CODES[code];
    return `| \`${code}\` | ${exitCode} | ${happened.get(code) ?? ""} | ${plain(advice)} |\n`;
  });
  return HEAD + lines.join("");
}

/** Escapes bars, which end a cell, and angle brackets outside of code, which are HTML. */
function plain(text: string): string {
  const parts = text.replaceAll("|", "\\|").split("`");
  return parts.map((part, index) => (index % 2 === 0 ? part.replaceAll("<", "\\<") : part)).join("`");
}

if (process.argv.includes("--write") && process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(ERRORS_PAGE, renderPage(parseErrorTable(readFileSync(ERRORS_PAGE, "utf8"))));
}
