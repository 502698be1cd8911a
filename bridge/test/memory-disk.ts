import type { Disk } from "../kernel/disk.ts";

/** Files in memory: every call is over within the turn, so that a test needs no waiting for a disk. */
export class MemoryDisk implements Pick<Disk, "readFile" | "writeFile" | "rename" | "rm" | "stat"> {
  readonly contents = new Map<string, string>();

  async readFile(path: string): Promise<Buffer> {
    return Buffer.from(this.#at(path));
  }

  async writeFile(path: string, content: string | Uint8Array): Promise<void> {
    this.contents.set(path, Buffer.from(content as string).toString());
  }

  async rename(from: string, to: string): Promise<void> {
    this.contents.set(to, this.#at(from));
    this.contents.delete(from);
  }

  async rm(path: string, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
    if (!force) this.#at(path);
    this.contents.delete(path);
  }

  async stat(path: string) {
    const size = this.#at(path).length;
    return { size, mtimeMs: 0, isFile: () => true, isDirectory: () => false };
  }

  #at(path: string): string {
    const content = this.contents.get(path);
    if (content === undefined) throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: "ENOENT" });
    return content;
  }
}
