import type { z } from "zod";
import { FarmError } from "../kernel/errors.ts";

/** Invalid options are errors of the user: USAGE. */
export function parseOptions<T>(schema: z.ZodType<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FarmError("USAGE", `option ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not understood"}`);
}
