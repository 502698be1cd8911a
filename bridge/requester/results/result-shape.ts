import type { Chunk, ResultFile } from "../../core/plan/chunk.ts";
import { FarmError } from "../../kernel/errors.ts";

/** Caps on what a donor may deliver for a chunk. */
export const RESULT_LIMITS = {
  /** Channels of the richest picture we take; bounds a float result by its rectangle. */
  maxChannels: 1024,
  headerBytes: 2 * 1024 * 1024,
  maxOutputBytes: 4 * 1024 ** 3,
  maxPreviewBytes: 4 * 1024 * 1024,
} as const;

/** Cap of a float result, as a file and decoded. */
export function maxFloatBytes(width: number, height: number): number {
  return Math.ceil(width * height * 4 * RESULT_LIMITS.maxChannels * 1.1) + RESULT_LIMITS.headerBytes;
}

/** What was promised must fit the chunk before a byte of it moves. Throws RESULT_INVALID. */
export function assertShape(chunk: Chunk, files: readonly ResultFile[]): void {
  const refuse = (why: string) => new FarmError("RESULT_INVALID", `the result of chunk ${chunk.id} ${why}`);
  const raw = files.filter(({ role }) => role === "raw");
  const outputs = files.filter(({ role }) => role === "output");
  if (chunk.spec.kind === "raw") {
    const [only] = raw;
    if (only === undefined || raw.length > 1 || outputs.length > 0) throw refuse("must be one float picture");
    if (only.bytes > maxFloatBytes(chunk.spec.rect.width, chunk.spec.rect.height)) throw refuse("is larger than its rectangle allows");
    return;
  }
  if (raw.length > 0) throw refuse("must be final files");
  const wrong = wrongOutputs(outputs);
  if (wrong !== undefined) throw refuse(wrong);
}

function wrongOutputs(outputs: readonly ResultFile[]): string | undefined {
  if (outputs.length === 0) return "must be final files";
  if (outputs.some(({ bytes }) => bytes > RESULT_LIMITS.maxOutputBytes)) return "holds a file that is too large";
  if (outputs.some(({ name }) => !isPlainName(name))) return "holds a file whose name leads elsewhere";
  return new Set(outputs.map(({ name }) => name)).size < outputs.length ? "holds two files of one name" : undefined;
}

/** It stays in the folder that it is put into. */
function isPlainName(name: string): boolean {
  return name !== "." && name !== ".." && !/[/\\\0]/.test(name);
}
