import { FarmError, messageOf } from "../kernel/errors.ts";

/** Converts the error of a failed write to DISK_FULL or OUTPUT_NOT_WRITABLE; others are unchanged. */
export function asWriteFailure(error: unknown, path: string): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG")
    return new FarmError("DISK_FULL", `no space left for ${path}`, { cause: error });
  if (code === "EACCES" || code === "EPERM" || code === "EROFS" || code === "ENOTDIR") {
    return new FarmError("OUTPUT_NOT_WRITABLE", `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
  return error;
}
