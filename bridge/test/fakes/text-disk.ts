import { dirname } from "node:path";
import { MemoryDisk } from "./memory-disk.ts";

/** A disk in memory for tests with texts only: parent folders are made when needed, and all files have the same time. */
export class TextDisk extends MemoryDisk {
  constructor(texts: Readonly<Record<string, string>> = {}) {
    super({ clock: { now: () => 0 } });
    for (const [path, text] of Object.entries(texts)) void this.writeFile(path, text); // ends at once
  }

  override writeFile(...[path, content, options]: Parameters<MemoryDisk["writeFile"]>): Promise<void> {
    void this.mkdir(dirname(path), { recursive: true });
    return super.writeFile(path, content, options);
  }

  override rename(from: string, to: string): Promise<void> {
    void this.mkdir(dirname(to), { recursive: true });
    return super.rename(from, to);
  }
}
