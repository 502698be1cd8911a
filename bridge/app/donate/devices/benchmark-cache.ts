import { dirname } from "node:path";
import { z } from "zod";
import type { DeviceClass } from "../../../core/plan/chunk.ts";
import type { Disk } from "../../../kernel/disk.ts";
import { replaceFile } from "../../../kernel/files/atomic-file.ts";

const MAX_KNOWN = 200;
const Speeds = z.array(z.tuple([z.string().max(1_000), z.number().positive()])).max(MAX_KNOWN);

/** The measured device. */
export interface BenchmarkKey {
  readonly deviceClass: DeviceClass;
  /** CPU threads, or the devices of Cycles. */
  readonly on: readonly string[];
}

/** Benchmark results by device and Blender: measured once, kept in the home's cache. */
export class BenchmarkCache {
  readonly #disk: Disk;
  readonly #file: string;
  readonly #speeds: Map<string, number>;

  private constructor(disk: Disk, file: string, speeds: Map<string, number>) {
    this.#disk = disk;
    this.#file = file;
    this.#speeds = speeds;
  }

  /** An unreadable file is ignored: the benchmark runs again. */
  static async open(disk: Disk, file: string): Promise<BenchmarkCache> {
    const text = await disk.readFile(file).then(String, () => "[]");
    try {
      return new BenchmarkCache(disk, file, new Map(Speeds.parse(JSON.parse(text))));
    } catch {
      return new BenchmarkCache(disk, file, new Map());
    }
  }

  of(measured: BenchmarkKey): number | undefined {
    return this.#speeds.get(keyOf(measured));
  }

  /** Atomic; if the home cannot be written, the benchmark just runs again. */
  async learn(measured: BenchmarkKey, speed: number): Promise<void> {
    this.#speeds.delete(keyOf(measured));
    this.#speeds.set(keyOf(measured), speed);
    const kept = [...this.#speeds].slice(-MAX_KNOWN);
    await this.#disk
      .mkdir(dirname(this.#file), { recursive: true })
      .then(() => replaceFile(this.#disk, this.#file, JSON.stringify(kept)))
      .catch(() => {});
  }
}

function keyOf({ deviceClass, on }: BenchmarkKey): string {
  const { blenderVersion, buildHash, backend, arch, driver = "" } = deviceClass;
  return JSON.stringify([blenderVersion, buildHash, backend, arch, driver, ...on]);
}
