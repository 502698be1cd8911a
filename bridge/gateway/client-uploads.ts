import { createHash, type Hash } from "node:crypto";
import { FarmError } from "../kernel/errors.ts";
import type { FileTransferFrame } from "./wire/binary-frame.ts";
import { GATEWAY_LIMITS } from "./wire/limits.ts";
import type { IncomingFile, Params, Result, ServedBridge } from "./ports.ts";

export interface ClientUploadsDeps {
  readonly receive: ServedBridge["receive"];
  /** Pauses or resumes reading from the client. */
  readonly pause: () => void;
  readonly resume: () => void;
}

interface Upload {
  readonly bytes: number;
  readonly sha256: string;
  readonly file: IncomingFile;
  readonly hash: Hash;
  got: number;
  /** Why it has failed; reported when its client has sent all. */
  failure: unknown;
  /** Settles when everything received is on the disk. Never rejects. */
  written: Promise<void>;
}

const limits = GATEWAY_LIMITS;

/** The uploads of one client. They belong to the client until a job takes them, and are removed when it disconnects. */
export class ClientUploads {
  readonly #deps: ClientUploadsDeps;
  readonly #open = new Map<number, Upload>();
  readonly #whole: IncomingFile[] = [];
  #count = 0;
  #opening = 0;
  #unwrittenBytes = 0;
  #isPaused = false;
  #isOver = false;

  constructor(deps: ClientUploadsDeps) {
    this.#deps = deps;
  }

  /** Throws TOO_MANY_UPLOADS, DISK_FULL. */
  async put({ name, bytes, sha256 }: Params<"files.put">): Promise<Result<"files.put">> {
    if (this.#open.size + this.#opening >= limits.maxUploadsPerClient) {
      throw new FarmError("TOO_MANY_UPLOADS", `${limits.maxUploadsPerClient} files of this client are being uploaded`);
    }
    this.#opening++;
    const file = await this.#deps.receive(name, bytes).finally(() => this.#opening--);
    const upload = ++this.#count;
    this.#open.set(upload, {
      bytes,
      sha256,
      file,
      hash: createHash("sha256"),
      got: 0,
      failure: undefined,
      written: Promise.resolve(),
    });
    if (this.#isOver) await this.end();
    return { upload };
  }

  /** Adds the next part of a file; false for an unknown upload. */
  take({ number, data }: FileTransferFrame): boolean {
    const upload = this.#open.get(number);
    if (!upload) return false;
    upload.got += data.length;
    if (upload.got > upload.bytes) this.#fail(upload, wrong(`more than its ${upload.bytes} bytes were sent`));
    if (upload.failure !== undefined) return true;
    upload.hash.update(data);
    this.#wait(data.length);
    upload.written = upload.written.then(async () => {
      try {
        if (upload.failure === undefined) await upload.file.write(data);
      } catch (error) {
        this.#fail(upload, error);
      } finally {
        this.#wait(-data.length);
      }
    });
    return true;
  }

  /** Throws UPLOAD_UNKNOWN, UPLOAD_WRONG, DISK_FULL. */
  async done({ upload: number }: Params<"files.done">): Promise<Result<"files.done">> {
    const upload = this.#open.get(number);
    if (!upload) throw new FarmError("UPLOAD_UNKNOWN", `this client has no upload ${number}`);
    this.#open.delete(number);
    await upload.written;
    try {
      if (upload.failure !== undefined) throw upload.failure;
      if (upload.got < upload.bytes) throw wrong(`only ${upload.got} of its ${upload.bytes} bytes were sent`);
      if (upload.hash.digest("hex") !== upload.sha256) throw wrong("its hash is different");
      const scenePath = await upload.file.finish();
      this.#whole.push(upload.file);
      if (this.#isOver) await this.end();
      return { scenePath };
    } catch (error) {
      await upload.file.drop();
      throw error;
    }
  }

  /** The client has disconnected. */
  async end(): Promise<void> {
    this.#isOver = true;
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const upload of open) {
      upload.failure ??= new FarmError("CANCELLED", "the client has disconnected");
      await upload.written;
      await upload.file.drop();
    }
    for (const file of this.#whole.splice(0)) await file.leave();
  }

  /** Frees its disk space at once, although its client may still send. */
  #fail(upload: Upload, failure: unknown): void {
    if (upload.failure !== undefined) return;
    upload.failure = failure;
    upload.written = upload.written.then(() => upload.file.drop());
  }

  #wait(bytes: number): void {
    this.#unwrittenBytes += bytes;
    const isPaused = this.#unwrittenBytes > (this.#isPaused ? limits.maxUnwrittenBytes / 2 : limits.maxUnwrittenBytes);
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#deps.pause();
    else this.#deps.resume();
  }
}

function wrong(what: string): FarmError {
  return new FarmError("UPLOAD_WRONG", `the file is not what was announced: ${what}`);
}
