import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { FarmError, messageOf } from "../kernel/errors.ts";

/** A name in the same folder, for a file that is renamed to `path` once it is whole. */
export function temporaryPathFor(path: string): string {
  return join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString("hex")}.part`);
}

/** Gives a failed write its code: DISK_FULL or OUTPUT_NOT_WRITABLE; anything else stays what it is. */
export function asWriteFailure(error: unknown, path: string): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG")
    return new FarmError("DISK_FULL", `no space left for ${path}`, { cause: error });
  if (code === "EACCES" || code === "EPERM" || code === "EROFS" || code === "ENOTDIR") {
    return new FarmError("OUTPUT_NOT_WRITABLE", `cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
  return error;
}
