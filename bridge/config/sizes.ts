import { FarmError } from "../kernel/errors.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Reads "20g", "512m" or plain bytes. Throws USAGE. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim());
  const unit = match === null ? undefined : UNITS[(match[2] ?? "").toLowerCase()];
  if (match === null || unit === undefined)
    throw new FarmError("USAGE", `"${text}" is no size`, { advice: "Write a size such as 20g or 512m." });
  return Math.floor(Number(match[1]) * unit);
}
