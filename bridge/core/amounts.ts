import { FarmError } from "../kernel/errors.ts";

const SIZE_UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const TIME_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BIT_UNITS: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9 };

/** Reads "20g", "512m" or plain bytes. Throws USAGE. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim());
  const unit = match === null ? undefined : SIZE_UNITS[(match[2] ?? "").toLowerCase()];
  if (match === null || unit === undefined)
    throw new FarmError("USAGE", `"${text}" is no size`, { advice: "Write a size such as 20g or 512m." });
  return Math.floor(Number(match[1]) * unit);
}

/** Reads "5m", "90s" or "1h30m" as milliseconds. Throws USAGE. */
export function parseDuration(text: string): number {
  const clean = text.trim().toLowerCase().replaceAll(/\s+/g, "");
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(clean))
    throw new FarmError("USAGE", `"${text}" is no duration`, { advice: "Write a duration such as 30s, 5m or 1h30m." });
  let sum = 0;
  for (const [, count, unit] of clean.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) sum += Number(count) * (TIME_UNITS[unit ?? ""] ?? 0);
  return Math.round(sum);
}

/**
 * Reads a transfer speed as bytes per second: "2m" (2 MiB/s) as sizes are written, "20mbit" as
 * network providers write it. Throws USAGE.
 */
export function parseRate(text: string): number {
  const clean = text.trim().toLowerCase().replace(/\/s$/, "");
  const bits = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:bit|bps)$/.exec(clean);
  if (bits) return Math.floor((Number(bits[1]) * (BIT_UNITS[bits[2] ?? ""] ?? 1)) / 8);
  try {
    return parseSize(clean);
  } catch (cause) {
    throw new FarmError("USAGE", `"${text}" is no speed`, { advice: "Write bytes per second such as 2m, or 20mbit.", cause });
  }
}

/** Reads "25%" as 0.25. Throws USAGE. */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim());
  const share = match === null ? Number.NaN : Number(match[1]) / 100;
  if (!(share >= 0 && share <= 1))
    throw new FarmError("USAGE", `"${text}" is no percentage`, { advice: "Write a percentage such as 50%." });
  return share;
}
