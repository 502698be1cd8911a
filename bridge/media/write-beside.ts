import { FarmError, messageOf } from "../kernel/errors.ts";

/** Of the user's path: not allowed, or something else has its name. */
const NOT_WRITABLE = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "EISDIR", "EEXIST", "ENOTEMPTY"]);

/** Converts the error of a failed write to DISK_FULL or OUTPUT_NOT_WRITABLE; others are unchanged. */
export function asWriteFailure(error: unknown, path: string): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG")
    return new FarmError("DISK_FULL", `no space left for ${path}`, { cause: error });
  if (typeof code === "string" && NOT_WRITABLE.has(code)) {
    return new FarmError("OUTPUT_NOT_WRITABLE", `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
  return error;
}
