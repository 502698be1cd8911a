import type { EnvironmentsHere } from "../core/admission.ts";
import type { BlenderBuildId, ChunkSpec, DeviceClass } from "../core/plan/chunk.ts";
import type { Availability } from "../core/terms/availability.ts";
import type { DonorOffer } from "../core/terms/donor-offer.ts";
import type { SlotSize, Terms } from "../core/terms/terms.ts";
import type { BlockPeer } from "../protocols/blocks/messages.ts";

/** A scene bundle as real files on this machine, and what tells it from others. */
export interface SceneOnDisk {
  readonly key: string;
  /** What its Blender runs in; the sandbox's usual one when not said. */
  readonly environment?: SandboxEnvironment;
  /** The folder of all its files; undefined for a scene that lies where its owner has it. */
  readonly directory?: string;
  /** Of the .blend, as its Blender sees it; the same goes for `remap`. */
  readonly path: string;
  readonly remap: Readonly<Record<string, string>>;
}

/** A container image, proved to be the one that its job named, and the Blender in it. */
export interface SandboxEnvironment {
  /** What the engine of this machine calls it. */
  readonly image: string;
  /** `path` is inside the image. */
  readonly blender: { readonly path: string; readonly version: string; readonly buildHash: string };
}

/** What a finished chunk left in the session's scratch folder. */
export interface RenderedFiles {
  readonly raw?: string;
  readonly outputs: readonly string[];
  readonly preview?: string;
  readonly renderSeconds: number;
  readonly peakMemoryBytes: number;
  /** What made them, where slots are of several classes. */
  readonly deviceClass?: DeviceClass;
}

/** One warm Blender, as this room needs it; the blender room makes them. */
export interface WarmSession {
  load(scenePath: string, options: { readonly remap: Readonly<Record<string, string>> }, signal: AbortSignal): Promise<void>;
  render(spec: ChunkSpec, signal: AbortSignal): Promise<RenderedFiles>;
  readonly exited: Promise<void>;
  close(): Promise<void>;
}

/** The donor's cache of scenes and the results it holds for requesters; the content room stands behind it. */
export interface DonorStore {
  /** Brings a scene here (from the requester and other donors of the job) and lays it out as files. */
  fetchScene(
    request: {
      readonly manifest: string;
      readonly manifestBytes: number /** Who may have its blocks, most willing first. */;
      readonly sources: () => readonly BlockPeer[];
    },
    signal: AbortSignal,
    onProgress: (bytesDone: number, bytesTotal: number) => void,
  ): Promise<SceneOnDisk>;
  /**
   * One user fewer of the scene's files. After the last one they go, once `before` is done; its blocks stay cached
   * under the size cap.
   */
  releaseScene(sceneKey: string, before: () => Promise<void>): Promise<void>;
  /** Takes a finished file in, hashes it, and serves it to `peer` until it is dropped as often as it was kept. */
  keepResult(path: string, peer: string): Promise<{ readonly sha256: string; readonly bytes: number }>;
  dropResult(sha256: string, peer: string): Promise<void>;
}

/** The environments that a donor's sandbox can run work in; jobs may name one. */
export interface DonorEnvironments {
  /** Which are here, and which were refused under the terms that hold. */
  now(): EnvironmentsHere;
  /**
   * Brings one here (from the requester and other donors of the job), as the owner allows.
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

/** What the owner of this machine says at this moment; the wiring keeps it up to date. */
export interface OwnerPolicy {
  terms(): Terms;
  availability(): Availability;
  slotSize(): SlotSize;
  /** Until the schedule closes, overtime included; undefined: it never does. */
  secondsLeft(): number | undefined;
}

/** Small pictures for the owner's eyes, of jobs whose requesters allow it: the last one of each. */
export interface Previews {
  /** Copies it; one that cannot be copied is not shown. */
  take(job: string, path: string): Promise<void>;
  clear(job: string): Promise<void>;
}

/** What this machine renders with at this moment. */
export interface DonorCapacity extends Pick<DonorOffer, "builds" | "gpus" | "gpuNote" | "speed"> {
  /** Of the GPU slot that has least; undefined: no slot is bound by it. */
  readonly gpuMemoryBytes: number | undefined;
}

/** How much memory a scene took here before, by its manifest. */
export interface PeakMemory {
  of(manifest: string): number | undefined;
  note(manifest: string, bytes: number): void;
}
