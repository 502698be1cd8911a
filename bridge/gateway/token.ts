import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** 256 bits, for one run of a bridge. */
export function newToken(): string {
  return randomBytes(32).toString("hex");
}

/** Takes the same time whatever is wrong, the length included. */
export function isToken(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
