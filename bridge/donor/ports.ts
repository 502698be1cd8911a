import type { LocalEnvironments } from "../core/admission.ts";
import type { BlenderBuildId, ChunkSpec, DeviceClass } from "../core/plan/chunk.ts";
import type { Availability } from "../core/terms/availability.ts";
import type { DonorOffer } from "../core/terms/donor-offer.ts";
import type { SlotSize, Terms } from "../core/terms/terms.ts";
import type { BlockPeer } from "../protocols/blocks/messages.ts";

/** A scene bundle as files on this machine, and its identity. */
export interface SceneOnDisk {
  readonly key: string;
  /** The environment that its Blender runs in; default: the sandbox's own. */
  readonly environment?: SandboxEnvironment;
  /** The folder of all its files; undefined for a scene at its original path. */
  readonly directory?: string;
  /** Path of the .blend as seen by its Blender; likewise for `remap`. */
  readonly path: string;
  readonly remap: Readonly<Record<string, string>>;
}

/** A container image, verified to be the one that its job named, and the Blender in it. */
export interface SandboxEnvironment {
  /** Its name in this machine's engine. */
  readonly image: string;
  /** `path` is inside the image. */
  readonly blender: { readonly path: string; readonly version: string; readonly buildHash: string };
}

/** The files of a finished chunk in the session's scratch folder. */
export interface ChunkFiles {
  readonly raw?: string;
  readonly outputs: readonly string[];
  readonly preview?: string;
  readonly renderSeconds: number;
  readonly peakMemoryBytes: number;
  /** At which sample each view of each view layer stopped, in the order of rendering. */
  readonly lastSamples?: readonly number[];
  /** Their device class, when slots have several classes. */
  readonly deviceClass?: DeviceClass;
}

/** The part of a warm Blender session that this room needs; implemented by the blender room. */
export interface WarmSession {
  load(scenePath: string, options: { readonly remap: Readonly<Record<string, string>> }, signal: AbortSignal): Promise<void>;
  render(spec: ChunkSpec, signal: AbortSignal): Promise<ChunkFiles>;
  readonly exited: Promise<void>;
  close(): Promise<void>;
}

/** The donor's cache of scenes and the results it holds for requesters; implemented by the content room. */
export interface ScenesAndResults {
  /** Fetches a scene (from the requester and other donors of the job) and extracts it to files. */
  fetchScene(
    request: {
      readonly manifest: string;
      readonly manifestBytes: number;
      /** Peers that may have its blocks, preferred ones first. */
      readonly sources: () => readonly BlockPeer[];
    },
    signal: AbortSignal,
    onProgress: (bytesDone: number, bytesTotal: number) => void,
  ): Promise<SceneOnDisk>;
  /**
   * Releases one use of the scene's files. After the last one they are removed, once `before` is done; its blocks stay cached
   * under the size cap.
   */
  releaseScene(sceneKey: string, before: () => Promise<void>): Promise<void>;
  /** Takes a finished file in, hashes it, and serves it to `peer` until it is dropped as often as it was kept. */
  keepResult(path: string, peer: string): Promise<{ readonly sha256: string; readonly bytes: number }>;
  dropResult(sha256: string, peer: string): Promise<void>;
}

/** The environments that a donor's sandbox can run work in; jobs may name one. */
export interface DonorEnvironments {
  /** Installed ones, and those refused under the current terms. */
  now(): LocalEnvironments;
  /**
   * Fetches one (from the requester and other donors of the job), if the owner allows it.
   * Throws ENVIRONMENT_REFUSED, NO_MATCHING_BLENDER when its Blender is not of `build`, and what fetching throws.
   */
  bring(
    request: {
      readonly digest: string;
      readonly build: BlenderBuildId;
      readonly sources: () => readonly BlockPeer[];
    },
    signal: AbortSignal,
    onProgress: (bytesDone: number, bytesTotal: number) => void,
  ): Promise<SandboxEnvironment>;
}

/** The owner's current policy; the wiring keeps it up to date. */
export interface OwnerPolicy {
  terms(): Terms;
  availability(): Availability;
  slotSize(): SlotSize;
  /** Until the schedule closes, overtime included; undefined: it never does. */
  secondsLeft(): number | undefined;
}

/** Previews for the owner, of jobs whose requesters allow it: the last one of each. */
export interface Previews {
  /** Copies it; one that cannot be copied is not shown. */
  take(job: string, path: string): Promise<void>;
  clear(job: string): Promise<void>;
}

/** The devices that this machine currently renders with. */
export interface DonorCapacity extends Pick<DonorOffer, "builds" | "gpus" | "gpuNote" | "speed"> {
  /** Of the GPU slot with the least memory; undefined: no limit. */
  readonly gpuMemoryBytes: number | undefined;
}

/** How much memory a scene used on this donor before, by its manifest. */
export interface PeakMemory {
  of(manifest: string): number | undefined;
  note(manifest: string, bytes: number): void;
}
