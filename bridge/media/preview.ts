import sharp from "sharp";
import { type Clock, systemClock } from "../kernel/time/clock.ts";
import { systemDisk } from "../kernel/disk.ts";
import { makeWhole } from "../kernel/files/atomic-file.ts";
import type { Rect } from "../core/job/scene-facts.ts";
import { decodePreview, type PixelSize } from "./preview-tile.ts";
import { contains } from "./rect-rows.ts";
import { asWriteFailure } from "./write-beside.ts";

export interface PreviewOptions {
  /** Path of the preview PNG; replaced atomically as tiles arrive. */
  readonly path: string;
  /** The rectangle of the picture, in full-frame coordinates, y up. */
  readonly region: Rect;
  /** The picture is scaled down so that its longer side is at most this; default 1280. */
  readonly maxSide?: number;
  /** Least time between two writes; default 500. */
  readonly writeEveryMs?: number;
}

/** A donor's small preview of what it rendered. */
export interface PreviewTile {
  /** JPEG or PNG, untrusted. */
  readonly path: string;
  /** Its rectangle. */
  readonly rect: Rect;
  /** The part of it that is shown; default all. */
  readonly tileRect?: Rect;
}

/** A preview of the frame that is updated while tiles arrive; never part of the result. */
export class PreviewCanvas implements AsyncDisposable {
  readonly size: PixelSize;
  readonly #options: PreviewOptions;
  readonly #clock: Clock;
  readonly #pixels: Buffer;
  readonly #closing = new AbortController();
  #dirty = false;
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;
  #lastWriteMs = Number.NEGATIVE_INFINITY;

  constructor(options: PreviewOptions, clock: Clock = systemClock) {
    const { region, maxSide = 1280 } = options;
    const scale = Math.min(1, maxSide / Math.max(region.width, region.height));
    this.size = { width: Math.max(1, Math.round(region.width * scale)), height: Math.max(1, Math.round(region.height * scale)) };
    this.#options = options;
    this.#clock = clock;
    this.#pixels = Buffer.alloc(this.size.width * this.size.height * 4);
  }

  /** Draws a tile; the file is written within `writeEveryMs`. Throws RESULT_INVALID when the preview cannot be read. */
  async add(tile: PreviewTile): Promise<void> {
    const tileRect = tile.tileRect ?? tile.rect;
    if (!contains(tile.rect, tileRect) || !contains(this.#options.region, tileRect))
      throw new RangeError("the crop is outside of the preview");
    const whole = this.#onCanvas(tile.rect);
    const kept = this.#onCanvas(tileRect);
    const pixels = await decodePreview(tile.path, whole);
    for (let y = kept.top; y < kept.top + kept.height; y++) {
      const from = ((y - whole.top) * whole.width + kept.left - whole.left) * 4;
      pixels.copy(this.#pixels, (y * this.size.width + kept.left) * 4, from, from + kept.width * 4);
    }
    this.#dirty = true;
    this.#writing ??= this.#writeUntilClean();
  }

  /** Writes pending changes at once. Idempotent. Throws the error of a failed write. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A rectangle's position in the preview: edges are rounded, so that neighbours meet without a gap. */
  #onCanvas(rect: Rect): { readonly left: number; readonly top: number; readonly width: number; readonly height: number } {
    const { region } = this.#options;
    const x = (value: number) => Math.round(((value - region.x) / region.width) * this.size.width);
    const y = (value: number) => this.size.height - Math.round(((value - region.y) / region.height) * this.size.height);
    const left = x(rect.x);
    const top = y(rect.y + rect.height);
    return { left, top, width: x(rect.x + rect.width) - left, height: y(rect.y) - top };
  }

  async #writeUntilClean(): Promise<void> {
    try {
      while (this.#dirty) {
        await this.#pause();
        this.#dirty = false;
        this.#lastWriteMs = this.#clock.monotonicMs();
        await this.#write();
      }
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#writing = undefined;
    }
  }

  /** Waits until the next write; closing ends the wait but not the write. */
  async #pause(): Promise<void> {
    const waitMs = this.#lastWriteMs + (this.#options.writeEveryMs ?? 500) - this.#clock.monotonicMs();
    if (waitMs > 0 && !this.#closing.signal.aborted) await this.#clock.sleep(waitMs, this.#closing.signal).catch(() => {});
  }

  async #write(): Promise<void> {
    const { path } = this.#options;
    try {
      const picture = sharp(Buffer.from(this.#pixels), { raw: { ...this.size, channels: 4 } });
      await makeWhole(systemDisk, path, (beside) => picture.png({ compressionLevel: 3 }).toFile(beside));
    } catch (error) {
      throw asWriteFailure(error, path);
    }
  }
}
