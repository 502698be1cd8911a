import { createHash, timingSafeEqual } from "node:crypto";
import type { Random } from "../kernel/world.ts";

/** 256 bits, for one run of a bridge. */
export function newToken(random: Random): string {
  return random.bytes(32).toString("hex");
}

/** Compares in constant time, also for another length. */
export function tokenMatches(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
