import { dirname, resolve, sep } from "node:path";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Disk, FileFacts, OpenFile, OpenMode } from "../../kernel/disk.ts";
import { MemoryFile, MemoryFolder, type MemoryNode, MemoryTree, systemError } from "./memory-tree.ts";

export interface MemoryDiskOptions {
  /** The clock for file times. */
  readonly clock: Pick<Clock, "now">;
  /** Its capacity. */
  readonly capBytes?: number;
}

/**
 * A disk in memory for tests: it fails as a POSIX file system does. It has neither links nor permissions, and
 * written data counts as synced.
 */
export class MemoryDisk implements Disk {
  readonly #clock: Pick<Clock, "now">;
  readonly #capBytes: number;
  readonly #tree: MemoryTree;

  constructor({ clock, capBytes = Number.MAX_SAFE_INTEGER }: MemoryDiskOptions) {
    this.#clock = clock;
    this.#capBytes = capBytes;
    this.#tree = new MemoryTree(clock.now());
  }

  async open(path: string, how: OpenMode): Promise<OpenFile> {
    const node = how === "own" ? this.#fileToOwn("open", path) : this.#tree.get("open", path);
    if (node instanceof MemoryFolder && how !== "read") throw systemError("EISDIR", "open", path);
    return new OpenMemoryFile(node, {
      path,
      mayWrite: how !== "read",
      write: (file, from, position) => this.#write({ file, path }, from, position),
      touch: (file) => (file.mtimeMs = this.#clock.now()),
    });
  }

  async readFile(path: string): Promise<Buffer> {
    return this.#file("read", path).content;
  }

  async writeFile(path: string, content: string | Uint8Array, options: { readonly flag?: "w" | "wx" } = {}): Promise<void> {
    if (options.flag === "wx" && this.#tree.place("open", path).node !== undefined) throw systemError("EEXIST", "open", path);
    const file = this.#fileToOwn("open", path);
    file.resize(0);
    file.mtimeMs = this.#clock.now();
    this.#write({ file, path }, typeof content === "string" ? Buffer.from(content) : content, 0);
  }

  async copyFile(from: string, to: string): Promise<void> {
    await this.writeFile(to, this.#file("copyfile", from).content);
  }

  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [this.#tree.place("rename", from), this.#tree.place("rename", to)];
    const { node } = source;
    if (node === undefined) throw systemError("ENOENT", "rename", from);
    if (node === target.node) return;
    if (resolve(to).startsWith(resolve(from) + sep)) throw systemError("EINVAL", "rename", from);
    if (target.node !== undefined) requireReplaceable(node, target.node, to);
    source.folder.entries.delete(source.name);
    target.folder.entries.set(target.name, node);
    for (const { folder } of [source, target]) folder.mtimeMs = this.#clock.now();
  }

  async stat(path: string): Promise<FileFacts> {
    return factsOf(this.#tree.get("stat", path));
  }

  async readdir(path: string): Promise<string[]> {
    const node = this.#tree.get("scandir", path);
    if (node instanceof MemoryFile) throw systemError("ENOTDIR", "scandir", path);
    return [...node.entries.keys()].sort();
  }

  async mkdir(path: string, { recursive = false }: { readonly recursive?: boolean } = {}): Promise<string | undefined> {
    if (!recursive) {
      this.#makeFolder(path);
      return undefined;
    }
    const missing: string[] = [];
    for (let above = resolve(path); !this.#isThere(above); above = dirname(above)) missing.unshift(above);
    if (missing.length === 0 && this.#tree.get("mkdir", path) instanceof MemoryFile) throw systemError("EEXIST", "mkdir", path);
    for (const each of missing) this.#makeFolder(each);
    return missing[0];
  }

  async rmdir(path: string): Promise<void> {
    const node = this.#tree.get("rmdir", path);
    if (node instanceof MemoryFile) throw systemError("ENOTDIR", "rmdir", path);
    if (node.entries.size > 0) throw systemError("ENOTEMPTY", "rmdir", path);
    this.#remove("rmdir", path);
  }

  async rm(path: string, options: { readonly recursive?: boolean; readonly force?: boolean } = {}): Promise<void> {
    if (options.force && !this.#isThere(path)) return;
    const node = this.#tree.get("rm", path);
    if (node instanceof MemoryFolder && !options.recursive) throw systemError("ERR_FS_EISDIR", "rm", path);
    this.#remove("rm", path);
  }

  /** The text of a file, synchronously; undefined if there is none. */
  peek(path: string): string | undefined {
    return this.#isThere(path) ? this.#file("read", path).content.toString() : undefined;
  }

  async freeBytes(path: string): Promise<number> {
    this.#tree.get("statfs", path);
    return this.#capBytes - this.#tree.usedBytes;
  }

  #isThere(path: string): boolean {
    try {
      this.#tree.get("stat", path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
  }

  #file(call: string, path: string): MemoryFile {
    const node = this.#tree.get(call, path);
    if (node instanceof MemoryFolder) throw systemError("EISDIR", call, path);
    return node;
  }

  /** The file of this name; created if missing. */
  #fileToOwn(call: string, path: string): MemoryFile {
    const { folder, name, node } = this.#tree.place(call, path);
    if (node instanceof MemoryFolder) throw systemError("EISDIR", call, path);
    if (node !== undefined) return node;
    const file = new MemoryFile(this.#clock.now());
    folder.entries.set(name, file);
    folder.mtimeMs = file.mtimeMs;
    return file;
  }

  #makeFolder(path: string): void {
    const { folder, name, node } = this.#tree.place("mkdir", path);
    if (node !== undefined) throw systemError("EEXIST", "mkdir", path);
    folder.mtimeMs = this.#clock.now();
    folder.entries.set(name, new MemoryFolder(folder.mtimeMs));
  }

  #remove(call: string, path: string): void {
    const { folder, name } = this.#tree.place(call, path);
    folder.entries.delete(name);
    folder.mtimeMs = this.#clock.now();
  }

  /** Throws ENOSPC without writing anything. */
  #write({ file, path }: { readonly file: MemoryFile; readonly path: string }, from: Uint8Array, position: number): void {
    const more = Math.max(0, position + from.length - file.size);
    if (this.#tree.usedBytes + more > this.#capBytes) throw systemError("ENOSPC", "write", path);
    file.write(from, position);
    file.mtimeMs = this.#clock.now();
  }
}

interface Opened {
  readonly path: string;
  readonly mayWrite: boolean;
  readonly write: (file: MemoryFile, from: Uint8Array, position: number) => void;
  readonly touch: (file: MemoryFile) => void;
}

class OpenMemoryFile implements OpenFile {
  readonly #node: MemoryNode;
  readonly #opened: Opened;
  #isClosed = false;

  constructor(node: MemoryNode, opened: Opened) {
    this.#node = node;
    this.#opened = opened;
  }

  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }> {
    return { bytesRead: this.#file("read").read(into.subarray(offset, offset + length), position) };
  }

  async write(from: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesWritten: number }> {
    const file = this.#file("write");
    if (!this.#opened.mayWrite) throw systemError("EBADF", "write", this.#opened.path);
    this.#opened.write(file, from.subarray(offset, offset + length), position);
    return { bytesWritten: length };
  }

  async stat(): Promise<FileFacts> {
    this.#requireOpen("fstat");
    return factsOf(this.#node);
  }

  async truncate(bytes: number): Promise<void> {
    const file = this.#file("ftruncate");
    if (!this.#opened.mayWrite) throw systemError("EINVAL", "ftruncate", this.#opened.path);
    file.resize(bytes);
    this.#opened.touch(file);
  }

  async sync(): Promise<void> {
    this.#requireOpen("fsync");
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #file(call: string): MemoryFile {
    this.#requireOpen(call);
    if (this.#node instanceof MemoryFolder) throw systemError("EISDIR", call, this.#opened.path);
    return this.#node;
  }

  #requireOpen(call: string): void {
    if (this.#isClosed) throw systemError("EBADF", call, this.#opened.path);
  }
}

/** The current entries. */
function factsOf(node: MemoryNode): FileFacts {
  const isFile = node instanceof MemoryFile;
  return { size: isFile ? node.size : 0, mtimeMs: node.mtimeMs, isFile: () => isFile, isDirectory: () => !isFile };
}

/** A file replaces a file, a folder an empty folder. */
function requireReplaceable(node: MemoryNode, before: MemoryNode, path: string): void {
  if (before instanceof MemoryFile) {
    if (node instanceof MemoryFolder) throw systemError("ENOTDIR", "rename", path);
  } else if (node instanceof MemoryFile) throw systemError("EISDIR", "rename", path);
  else if (before.entries.size > 0) throw systemError("ENOTEMPTY", "rename", path);
}
