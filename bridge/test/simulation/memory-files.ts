import type { ChunkId, DonorId } from "../../core/plan/chunk.ts";
import type { WrittenFile } from "../../core/ledger/written-file.ts";
import type { JobFiles } from "../../requester/ports.ts";
import type { Steps } from "./steps.ts";

/** The files of a simulated job: texts by their paths. */
export class MemoryFiles implements JobFiles {
  readonly contents: Map<string, string>;
  readonly #steps: Steps;

  constructor(steps: Steps, contents: Map<string, string> = new Map()) {
    this.#steps = steps;
    this.contents = contents;
  }

  resultPath(chunk: ChunkId, donor: DonorId, hash: string): string {
    return `results/${chunk}/${donor}/${hash}`;
  }

  async sweepResults(kept: ReadonlySet<string>): Promise<void> {
    await this.remove(this.below("results").filter((path) => !kept.has(path)));
  }

  tiledPath(path: string): string {
    return `tiled/${path}`;
  }

  tilePath(name: string): string {
    return `tiles/${name}`;
  }

  async sizeOf(path: string): Promise<number | undefined> {
    return this.contents.get(path)?.length;
  }

  async sync(path: string): Promise<void> {
    this.read(path);
  }

  async move(from: string, to: string): Promise<void> {
    this.contents.set(to, this.read(from));
    this.contents.delete(from);
  }

  async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) this.contents.delete(path);
  }

  async deliver(from: string, to: string): Promise<WrittenFile> {
    return await this.#steps.later(`deliver ${to}`, () => this.write(to, this.read(from)));
  }

  write(path: string, content: string): WrittenFile {
    this.contents.set(path, content);
    return { path, bytes: content.length, main: true };
  }

  read(path: string): string {
    const content = this.contents.get(path);
    if (content === undefined) throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: "ENOENT" });
    return content;
  }

  /** The files below a folder. */
  below(folder: string): string[] {
    return [...this.contents.keys()].filter((path) => path.startsWith(`${folder}/`));
  }
}
