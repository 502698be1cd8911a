import { resolve, sep } from "node:path";

/** A system error with Node's code and message. */
export function systemError(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code, syscall: call, path });
}

/** The bytes of a file, which stay while it is open, even when its name is removed. */
export class MemoryFile {
  mtimeMs: number;
  size = 0;
  #bytes = Buffer.alloc(0);

  constructor(mtimeMs: number) {
    this.mtimeMs = mtimeMs;
  }

  get content(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.size));
  }

  read(into: Uint8Array, position: number): number {
    const part = this.#bytes.subarray(Math.min(position, this.size), Math.min(position + into.length, this.size));
    into.set(part);
    return part.length;
  }

  write(from: Uint8Array, position: number): void {
    if (from.length === 0) return;
    this.resize(Math.max(this.size, position + from.length));
    this.#bytes.set(from, position);
  }

  /** Truncates, or extends with zeros. */
  resize(size: number): void {
    if (size > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(size, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.size));
      this.#bytes = grown;
    }
    if (size < this.size) this.#bytes.fill(0, size, this.size);
    this.size = size;
  }
}

export class MemoryFolder {
  mtimeMs: number;
  readonly entries = new Map<string, MemoryNode>();

  constructor(mtimeMs: number) {
    this.mtimeMs = mtimeMs;
  }
}

export type MemoryNode = MemoryFile | MemoryFolder;

/** An existing folder and a name in it, which may be unused. */
export interface Place {
  readonly folder: MemoryFolder;
  readonly name: string;
  readonly node: MemoryNode | undefined;
}

/** The folders and files of one disk by their paths. */
export class MemoryTree {
  readonly root: MemoryFolder;

  constructor(nowMs: number) {
    this.root = new MemoryFolder(nowMs);
  }

  /** Throws ENOENT, ENOTDIR. */
  get(call: string, path: string): MemoryNode {
    return namesOf(path).reduce<MemoryNode>((node, name) => {
      const next = folderAt(node, call, path).entries.get(name);
      if (next === undefined) throw systemError("ENOENT", call, path);
      return next;
    }, this.root);
  }

  /** Throws ENOENT or ENOTDIR if the parent folder is missing; EBUSY for the root. */
  place(call: string, path: string): Place {
    const names = namesOf(path);
    const name = names.pop();
    if (name === undefined) throw systemError("EBUSY", call, path);
    const folder = folderAt(this.get(call, sep + names.join(sep)), call, path);
    return { folder, name, node: folder.entries.get(name) };
  }

  /** Total bytes of named files. */
  get usedBytes(): number {
    return bytesIn(this.root);
  }
}

function namesOf(path: string): string[] {
  return resolve(path).split(sep).filter(Boolean);
}

function folderAt(node: MemoryNode, call: string, path: string): MemoryFolder {
  if (node instanceof MemoryFolder) return node;
  throw systemError("ENOTDIR", call, path);
}

function bytesIn(node: MemoryNode): number {
  if (node instanceof MemoryFile) return node.size;
  return [...node.entries.values()].reduce((sum, entry) => sum + bytesIn(entry), 0);
}
