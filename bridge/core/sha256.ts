import { z } from "zod";
import { SHA256_PATTERN } from "../kernel/ids.ts";

/** The name of a content, wherever it is read: lower-case hexadecimal. */
export const Sha256 = z.string().regex(SHA256_PATTERN);
export type Sha256 = z.infer<typeof Sha256>;
