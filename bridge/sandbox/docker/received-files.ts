import { type FileHandle, open } from "node:fs/promises";
import { FarmError } from "../../kernel/errors.ts";
import type { FrameFragment } from "./frame-reader.ts";
import { FROM, encodeSupervisorFrame, TO } from "./supervisor-wire.ts";

interface Taking {
  readonly file: FileHandle;
  readonly maxBytes: number;
  /** Of what was announced; undefined until it is. */
  left: number | undefined;
  readonly ended: PromiseWithResolvers<void>;
}

/**
 * Receives files from a sandbox, one at a time. Each is written to a new file of ours; the sandbox provides only
 * bytes, up to the announced size.
 */
export class SandboxFileReceiver {
  readonly #send: (frame: Buffer) => void;
  #taking: Taking | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #over: FarmError | undefined;

  constructor(send: (frame: Buffer) => void) {
    this.#send = send;
  }

  /** Moves files of the sandbox to paths that do not exist yet. Throws BLENDER_SCRIPT_FAILED, and why the sandbox ended. */
  async take(files: readonly { readonly path: string; readonly toPath: string }[], maxBytes: number): Promise<void> {
    const turn = this.#turn.then(async () => {
      let left = maxBytes;
      for (const { path, toPath } of files) left -= await this.#take(path, toPath, left);
    });
    this.#turn = turn.catch(() => {});
    await turn;
  }

  /** Handles a frame of the supervisor about the file. Throws when it breaks the protocol, which programs inside cannot cause. */
  async hear({ kind, bytes, last }: FrameFragment): Promise<void> {
    const taking = this.#taking;
    if (!taking) throw new Error("a file was sent that was not requested");
    if (!last && kind !== FROM.file) throw new Error("a control frame was split");
    if (kind === FROM.fileStarts) announce(taking, bytes);
    else if (kind === FROM.file) await write(taking, bytes);
    else if (bytes.length > 0)
      taking.ended.reject(new FarmError("BLENDER_SCRIPT_FAILED", `a result could not be copied: ${printable(bytes)}`));
    else if (taking.left === 0) taking.ended.resolve();
    else throw new Error("a file is shorter than announced");
  }

  /** The stream has ended. */
  end(reason: FarmError): void {
    this.#over ??= reason;
    this.#taking?.ended.reject(reason);
  }

  /** @returns its size. */
  async #take(path: string, toPath: string, maxBytes: number): Promise<number> {
    if (this.#over) throw this.#over;
    await using file = await open(toPath, "wx", 0o600);
    const ended = Promise.withResolvers<void>();
    this.#taking = { file, maxBytes, left: undefined, ended };
    ended.promise.catch(() => {}); // it may fail before it is awaited
    try {
      const limit = Buffer.alloc(8);
      limit.writeBigUInt64BE(BigInt(maxBytes));
      this.#send(encodeSupervisorFrame(TO.take, Buffer.concat([limit, Buffer.from(path)])));
      await ended.promise;
      return (await file.stat()).size;
    } finally {
      this.#taking = undefined;
    }
  }
}

function announce(taking: Taking, bytes: Buffer): void {
  const size = bytes.length === 8 ? Number(bytes.readBigUInt64BE()) : Number.POSITIVE_INFINITY;
  if (taking.left !== undefined || size > taking.maxBytes) throw new Error("a file is larger than allowed");
  taking.left = size;
}

async function write(taking: Taking, bytes: Buffer): Promise<void> {
  if (taking.left === undefined || bytes.length > taking.left) throw new Error("a file is longer than announced");
  taking.left -= bytes.length;
  await taking.file.writeFile(bytes);
}

function printable(bytes: Buffer): string {
  return bytes.toString("utf8").replaceAll(/\p{C}/gu, "?").slice(0, 300);
}
