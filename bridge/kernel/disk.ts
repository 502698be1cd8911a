import { constants } from "node:fs";
import { copyFile, mkdir, open, readdir, readFile, rename, rm, rmdir, stat, statfs, writeFile } from "node:fs/promises";
import { makeFolder } from "./files/make-folder.ts";

export interface FileFacts {
  readonly size: number;
  readonly mtimeMs: number;
  isFile(): boolean;
  isDirectory(): boolean;
}

export interface OpenFile extends AsyncDisposable {
  read(into: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  /** May write less. */
  write(from: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesWritten: number }>;
  stat(): Promise<FileFacts>;
  truncate(bytes: number): Promise<void>;
  /** Resolves when its bytes are on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** read: opens an existing file. change: opens an existing file for writing. own: creates it if it is missing, and never follows a link. */
export type OpenMode = "read" | "change" | "own";

/** The needed part of `node:fs/promises`, with its calls and errors (`code`: ENOENT, EEXIST, EXDEV, ENOSPC, …). */
export interface Disk {
  open(path: string, how: OpenMode, mode?: number): Promise<OpenFile>;
  readFile(path: string): Promise<Buffer>;
  /** `flag` "wx": fails if the file exists. */
  writeFile(path: string, content: string | Uint8Array, options?: { readonly mode?: number; readonly flag?: "w" | "wx" }): Promise<void>;
  copyFile(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  stat(path: string): Promise<FileFacts>;
  readdir(path: string): Promise<string[]>;
  /** `recursive`: with all missing parents; returns the topmost that was made. */
  mkdir(path: string, options?: { readonly recursive?: boolean; readonly mode?: number }): Promise<unknown>;
  rmdir(path: string): Promise<void>;
  rm(path: string, options?: { readonly recursive?: boolean; readonly force?: boolean; readonly maxRetries?: number }): Promise<void>;
  /** How many bytes this user may still write to the file system that a path lies on. */
  freeBytes(path: string): Promise<number>;
}

const FLAGS = { read: "r", change: "r+", own: constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0) } as const;

export const systemDisk: Disk = {
  open: (path, how, mode) => open(path, FLAGS[how], mode),
  readFile: (path) => readFile(path),
  writeFile,
  copyFile,
  rename,
  stat,
  readdir: (path) => readdir(path),
  mkdir: (path, { recursive = false, mode } = {}) =>
    recursive ? makeFolder({ stat, rmdir, mkdir: (each) => mkdir(each, mode) }, path) : mkdir(path, mode),
  rmdir,
  rm,
  freeBytes: async (path) => {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};

/** False also when it cannot be determined. */
export async function pathExists(disk: Pick<Disk, "stat">, path: string): Promise<boolean> {
  return await disk.stat(path).then(
    () => true,
    () => false,
  );
}
