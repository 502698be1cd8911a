import type { z } from "zod";
import { FarmError } from "../kernel/errors.ts";

type Issue = z.core.$ZodIssue;

/** Invalid options are errors of the user: USAGE. */
export function parseOptions<T>(schema: z.ZodType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FarmError("USAGE", issue === undefined ? "the options are not understood" : `option ${flagOf(issue.path)} ${whyOf(issue)}`);
}

/** The flag of an option, from the parser's name for it: `maxUpload` is `--max-upload`. */
function flagOf([name]: readonly PropertyKey[]): string {
  return `--${String(name).replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** What is wrong with its value, and what is allowed. */
function whyOf(issue: Issue): string {
  switch (issue.code) {
    case "too_small":
      return issue.origin === "string" ? "is empty: is a shell variable not set?" : `must be at least ${issue.minimum}`;
    case "too_big":
      if (issue.origin === "string") return `may have at most ${issue.maximum} characters`;
      return issue.origin === "array" ? `may be given at most ${issue.maximum} times` : `may be at most ${issue.maximum}`;
    case "invalid_value":
      return `must be one of ${issue.values.map(String).join(", ")}`;
    default:
      return "has a value that is not understood";
  }
}
