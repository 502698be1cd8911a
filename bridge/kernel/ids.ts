import { createHash } from "node:crypto";

/** Lower-case hexadecimal SHA-256: the name of a block, a manifest or a result. */
export type Sha256 = string;
export const SHA256_PATTERN = /^[0-9a-f]{64}$/;

export function sha256(bytes: Uint8Array): Sha256 {
  return createHash("sha256").update(bytes).digest("hex");
}
