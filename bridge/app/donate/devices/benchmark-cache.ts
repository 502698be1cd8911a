import { dirname } from "node:path";
import { z } from "zod";
import type { DeviceClass } from "../../../core/plan/chunk.ts";
import type { Disk } from "../../../kernel/disk.ts";
import { replaceFile } from "../../../kernel/files/atomic-file.ts";

const MAX_KNOWN = 200;
const Speeds = z.array(z.tuple([z.string().max(1_000), z.number().positive()])).max(MAX_KNOWN);

/** What was measured on. */
export interface Measured {
  readonly deviceClass: DeviceClass;
  /** Threads of a processor, or the devices of Cycles. */
  readonly on: readonly string[];
}

/** How fast the benchmark scene was rendered, by what and by which Blender: measured once, kept in the home's cache. */
export class BenchmarkCache {
  readonly #disk: Disk;
  readonly #file: string;
  readonly #speeds: Map<string, number>;

  private constructor(disk: Disk, file: string, speeds: Map<string, number>) {
    this.#disk = disk;
    this.#file = file;
    this.#speeds = speeds;
  }

  /** A file that cannot be read is none: it is measured again. */
  static async open(disk: Disk, file: string): Promise<BenchmarkCache> {
    const text = await disk.readFile(file).then(String, () => "[]");
    try {
      return new BenchmarkCache(disk, file, new Map(Speeds.parse(JSON.parse(text))));
    } catch {
      return new BenchmarkCache(disk, file, new Map());
    }
  }

  of(measured: Measured): number | undefined {
    return this.#speeds.get(keyOf(measured));
  }

  /** Whole or not at all; a home that cannot be written costs only time. */
  async learn(measured: Measured, speed: number): Promise<void> {
    this.#speeds.delete(keyOf(measured));
    this.#speeds.set(keyOf(measured), speed);
    const kept = [...this.#speeds].slice(-MAX_KNOWN);
    await this.#disk
      .mkdir(dirname(this.#file), { recursive: true })
      .then(() => replaceFile(this.#disk, this.#file, JSON.stringify(kept)))
      .catch(() => {});
  }
}

function keyOf({ deviceClass, on }: Measured): string {
  const { blenderVersion, buildHash, backend, arch, driver = "" } = deviceClass;
  return JSON.stringify([blenderVersion, buildHash, backend, arch, driver, ...on]);
}
