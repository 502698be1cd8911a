import type { SceneFrame } from "../../core/job/scene-facts.ts";
import type { WrittenFile } from "../../core/ledger/written-file.ts";
import type { Disk } from "../../kernel/disk.ts";
import { FarmError, messageOf } from "../../kernel/errors.ts";
import type { AssembledPath, JobFinisher } from "../../requester/ports.ts";

interface FakeFinisherDeps {
  readonly disk: Pick<Disk, "readFile" | "writeFile">;
  readonly assembledPath: AssembledPath;
}

export interface FakeFinisherOptions {
  /** The assembled files of a frame; its picture is their concatenated text. */
  readonly sceneFramesOf: (frame: number) => readonly SceneFrame[];
  readonly outputFolder: string;
}

/** A fake finisher: pictures are texts. It fulfils the contract of the real one (`contract/job-finisher-contract.ts`). */
export class FakeFinisher implements JobFinisher {
  readonly #deps: FakeFinisherDeps;
  readonly #options: FakeFinisherOptions;

  constructor(deps: FakeFinisherDeps, options: FakeFinisherOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  async finishFrame(frame: number, signal: AbortSignal): Promise<readonly WrittenFile[]> {
    return [await this.#write(`f_${frame}.png`, [frame], signal)];
  }

  async finishMovie(
    { start, end, step }: { readonly start: number; readonly end: number; readonly step: number },
    signal: AbortSignal,
  ): Promise<readonly WrittenFile[]> {
    const frames = Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, index) => start + index * step);
    return [await this.#write("movie.mp4", frames, signal)];
  }

  async #write(name: string, frames: readonly number[], signal: AbortSignal): Promise<WrittenFile> {
    signal.throwIfAborted();
    const pictures: string[] = [];
    for (const frame of frames) pictures.push(await this.#picture(frame));
    signal.throwIfAborted();
    const path = `${this.#options.outputFolder}/${name}`;
    const content = pictures.join("|");
    await this.#deps.disk.writeFile(path, content);
    return { path, bytes: Buffer.byteLength(content), main: true };
  }

  async #picture(frame: number): Promise<string> {
    try {
      const parts = this.#options.sceneFramesOf(frame).map((each) => this.#deps.disk.readFile(this.#deps.assembledPath(each)));
      return (await Promise.all(parts)).join();
    } catch (cause) {
      throw new FarmError("FINISHING_FAILED", `frame ${frame} could not be finished: ${messageOf(cause)}`, { cause });
    }
  }
}
