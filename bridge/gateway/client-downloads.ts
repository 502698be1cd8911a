import type { Disk, OpenFile } from "../kernel/disk.ts";
import { FarmError } from "../kernel/errors.ts";
import { emptyPart, PART_HEAD_BYTES } from "./wire/binary-frame.ts";
import { GATEWAY_LIMITS } from "./wire/limits.ts";
import type { Params, Result, ServedBridge } from "./ports.ts";

export interface ClientDownloadsDeps {
  readonly disk: Disk;
  readonly mayTake: ServedBridge["mayTake"];
  /** Resolves when the client's socket has room for more. */
  readonly send: (part: Buffer) => Promise<void>;
  readonly signal: AbortSignal;
}

interface Download {
  readonly number: number;
  readonly bytes: number;
  readonly file: OpenFile;
}

/** The downloads of one client, a limited number at a time, in small parts, between which other messages are sent. */
export class ClientDownloads {
  readonly #deps: ClientDownloadsDeps;
  #count = 0;
  #open = 0;

  constructor(deps: ClientDownloadsDeps) {
    this.#deps = deps;
  }

  /** Replies, then sends the file. Throws WIRE_BUSY, JOB_UNKNOWN, FILE_NOT_OF_JOB, FILE_GONE, but only before the reply. */
  async get({ job, path }: Params<"files.get">, reply: (result: Result<"files.get">) => void): Promise<void> {
    if (this.#open >= GATEWAY_LIMITS.maxDownloadsPerClient) throw new FarmError("WIRE_BUSY", "too many downloads of one client at once");
    this.#open++;
    try {
      await this.#deps.mayTake(job, path);
      await using file = await openTold(this.#deps.disk, path);
      const { size: bytes } = await file.stat();
      const download = { number: ++this.#count, bytes, file };
      reply({ download: download.number, bytes });
      await this.#pour(download);
    } finally {
      this.#open--;
    }
  }

  /** A part without data means that the file ended too early, because it is being rewritten. */
  async #pour({ number, bytes, file }: Download): Promise<void> {
    for (let sent = 0; sent < bytes && !this.#deps.signal.aborted; ) {
      const part = emptyPart(number, Math.min(GATEWAY_LIMITS.maxPartBytes, bytes - sent));
      const bytesRead = await readAt(file, part, sent);
      sent += bytesRead;
      await this.#deps.send(part.subarray(0, PART_HEAD_BYTES + bytesRead));
      if (bytesRead === 0) return;
    }
  }
}

/** 0 when nothing more can be read. */
async function readAt(file: OpenFile, part: Buffer, position: number): Promise<number> {
  try {
    const { bytesRead } = await file.read(part, PART_HEAD_BYTES, part.length - PART_HEAD_BYTES, position);
    return bytesRead;
  } catch {
    return 0;
  }
}

/** Throws FILE_GONE. */
async function openTold(disk: Disk, path: string): Promise<OpenFile> {
  try {
    return await disk.open(path, "read");
  } catch (cause) {
    throw new FarmError("FILE_GONE", `${path} no longer exists`, { cause });
  }
}
