import { createInterface } from "node:readline";
import { execa } from "execa";
import { FarmError } from "../../kernel/errors.ts";
import type { ImageEngine } from "./image-engine.ts";

export interface BaseRequest {
  /** The script that writes a root folder's tar. */
  readonly script: string;
  /** A Debian release. */
  readonly release: string;
  readonly tag: string;
}

/** Whether this machine can make a base: it needs root, for the owners of files. */
export function canMakeBase(): boolean {
  return process.platform === "linux" && process.getuid?.() === 0;
}

/** Makes a base image without a registry. Leaves no files when it fails or is aborted. Throws BASE_IMAGE_MISSING. */
export async function makeBase(
  engine: ImageEngine,
  request: BaseRequest,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { script, release, tag } = request;
  const making = execa("bash", [script, release], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    buffer: false,
    reject: false,
    cancelSignal: signal,
    forceKillAfterDelay: 20_000, // it has a folder to remove
  });
  let last = "";
  const listening = (async () => {
    for await (const line of createInterface({ input: making.stderr })) onLine((last = line));
  })();
  const imported = engine.import(making.stdout, tag, signal).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const [made, failed] = await Promise.all([making, imported, listening]);
  if (!made.failed && failed === undefined) return;
  // An image made from an incomplete tar is removed.
  await engine.remove(tag);
  signal.throwIfAborted();
  if (failed && !made.failed) throw failed.error;
  throw new FarmError("BASE_IMAGE_MISSING", `a base image could not be made: ${last.slice(0, 300)}`, { facts: { release } });
}
