import { z } from "zod";
import { SHA256_PATTERN } from "../kernel/ids.ts";

/** A SHA-256 hash as parsed at every boundary: lower-case hexadecimal. */
export const Sha256 = z.string().regex(SHA256_PATTERN);
export type Sha256 = z.infer<typeof Sha256>;
