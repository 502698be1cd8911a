import type { JobEvent } from "../core/job/job-events.ts";
import type { JobRecord } from "../core/journal/records.ts";
import type { WrittenFile } from "../core/ledger/written-file.ts";
import type { Log } from "../kernel/log.ts";
import type { World } from "../kernel/world.ts";
import type { JobFolder } from "./job-folder.ts";
import type { JobRun } from "./run/job-run.ts";
import type { AssembledPath, FrameDenoiser, HashFile, JobFinisher, JobMedia, PreviewStitcher, LocalSlots } from "./ports.ts";
import type { PreparedJob } from "./prepare/prepared-job.ts";

/** All that a job needs of its surroundings, by what it is for. */
export interface JobPorts {
  readonly rendering: Rendering;
  readonly results: ResultPorts;
  readonly delivery: OutputPorts;
  readonly journal: JobJournal;
  readonly client: JobClient;
  readonly process: { readonly world: World; readonly log: Log };
}

/** Who renders: this machine's own slots, and donors of the swarm. */
export interface Rendering {
  /** Undefined where this machine renders nothing. */
  readonly slots: LocalSlots | undefined;
  /** One more warm Blender, for checks; opened when first needed. */
  readonly checkSlots: LocalSlots;
  /** Brings donors of the swarm to the run until the signal aborts; undefined without a network. */
  readonly recruit: ((prepared: PreparedJob, run: JobRun, signal: AbortSignal) => Promise<void>) | undefined;
  /** Bytes of this job that went out to peers so far. */
  readonly bytesSent: () => number;
}

/** What is done with a result until it is accepted. */
export interface ResultPorts {
  readonly media: JobMedia;
  readonly hashFile: HashFile;
  readonly preview: PreviewStitcher;
}

/** What makes files of accepted results. */
export interface OutputPorts {
  /** Where assembled raw frames of this job lie; the finishing Blender looks there. */
  readonly assembledPath: (folder: JobFolder) => AssembledPath;
  readonly openFinisher: (folder: JobFolder, signal: AbortSignal) => Promise<JobFinisher & AsyncDisposable>;
  readonly openDenoiser: (signal: AbortSignal) => FrameDenoiser & AsyncDisposable;
  readonly encodeVideo: (
    frames: readonly string[],
    fps: { readonly numerator: number; readonly denominator: number },
    out: string,
    signal: AbortSignal,
  ) => Promise<Pick<WrittenFile, "path" | "bytes">>;
}

/** The durable history of jobs. */
export interface JobJournal {
  append(job: string, records: readonly JobRecord[]): Promise<void>;
}

/** Whoever watches the job and may command it. */
export interface JobClient {
  readonly observe: (event: JobEvent) => void;
  /** What another process commands this job, asked every second. */
  readonly takeCommand: () => "pause" | "resume" | "cancel" | undefined;
}
