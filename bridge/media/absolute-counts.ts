import { absoluteCount, type LastSamples, leastLastSample } from "../core/denoise/sample-counts.ts";
import type { ExrFile } from "./exr/exr-file.ts";
import { readRectangle } from "./exr/read-rectangle.ts";
import type { DecodedScanlines } from "./exr/scanlines.ts";

/** Sample counts of a result are relative to its own last sample; they are pasted as absolute ones. */
export class AbsoluteCounts {
  readonly #lasts = new Map<string, number>();

  /** What was not said is found from the values: the least number that fits. */
  constructor(file: ExrFile, said: LastSamples) {
    const silent = Object.keys(said).filter((name) => said[name] === null);
    for (const [name, last] of Object.entries(said)) if (last !== null) this.#lasts.set(name, last);
    if (silent.length === 0) return;
    const all = { left: 0, top: 0, width: file.width, height: file.height };
    for (const [name, bits] of readRectangle(file, all, silent)) {
      const shares = new Set(new Float32Array(bits.buffer, bits.byteOffset, bits.length));
      this.#lasts.set(name, leastLastSample(shares));
    }
  }

  /** Changes the decoded rows in place. */
  apply({ part, rows, bytes }: DecodedScanlines): void {
    if (this.#lasts.size === 0) return;
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    for (const [index, { name }] of part.channels.entries()) {
      const last = this.#lasts.get(name);
      if (last === undefined) continue;
      for (let row = 0; row < rows; row++) {
        const start = (row * part.channels.length + index) * part.width;
        for (let at = start; at < start + part.width; at++) values[at] = absoluteCount(values[at] ?? 0, last);
      }
    }
  }
}
