import type { Chunk, ChunkId, DeviceClass, DonorId, ResultFile } from "../../core/plan/chunk.ts";

/** What a donor tells while it works for one job. */
export type DonorUpdate =
  | { readonly type: "alive" }
  | { readonly type: "scene"; readonly phase: "fetching" | "loading" | "ready"; readonly bytesDone: number; readonly bytesTotal: number }
  | { readonly type: "started"; readonly chunk: ChunkId }
  | {
      readonly type: "rendered";
      readonly chunk: ChunkId;
      readonly files: readonly ResultFile[];
      readonly seconds: number;
      /** What made it, where that is not the donor's own class. */
      readonly deviceClass?: DeviceClass | undefined;
    }
  | {
      readonly type: "failed";
      readonly chunk: ChunkId;
      readonly code: string;
      readonly message: string;
      readonly kind: "task" | "transport";
    }
  /** Its owner lets it work, or not; `reason` says why not. */
  | { readonly type: "availability"; readonly open: boolean; readonly reason: string | undefined }
  | { readonly type: "gone"; readonly reason: string };

/** A donor as the job sees it: this machine, or a peer behind a lease stream. */
export interface DonorLink {
  readonly id: DonorId;
  /** What people call it. */
  readonly name: string;
  /** Its results need no checking: it is this machine. */
  readonly trusted: boolean;
  readonly slots: number;
  readonly deviceClass: DeviceClass;
  /** Samples x pixels a second of one slot, by its own word; undefined when it has not said. */
  readonly benchmarkSpeed: number | undefined;
  /** Ends when the link does; "gone", of one that says so, is the last. */
  readonly updates: AsyncIterable<DonorUpdate>;
  lease(chunk: Chunk): void;
  /** From here on the chunk may be leased anew, and nothing that comes of the old lease is told. */
  withdraw(chunk: ChunkId): void;
  /** Brings one file of a rendered chunk to `toPath`, its hash checked. Throws what the transfer throws. */
  fetch(chunk: ChunkId, file: ResultFile, toPath: string, signal: AbortSignal): Promise<void>;
  /** The chunk's files are safe here, or not wanted: the donor may drop them. */
  release(chunk: ChunkId): void;
  /** Ends all work for the job, and waits until it has ended, as far as the donor says so. May be called again. */
  close(): Promise<void>;
}
