import { type FileStamp, stampWithoutOpening, sameStamp, stampAt } from "../../content/bundle/file-stamp.ts";
import type { ExtractedScene } from "../../content/bundle/extract-bundle.ts";
import { packBundle, type PackedBundle } from "../../content/bundle/pack.ts";
import { changedScene } from "../../content/bundle/changed-scene.ts";
import { type SceneCopy, blendFileOf } from "../../content/bundle/scene-copy.ts";
import { SentFiles } from "../../content/bundle/sent-files.ts";
import type { SceneFile } from "../../core/job/scene-facts.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import type { LocalScene } from "../../requester/ports.ts";

/**
 * Files are checked before a render to save work, and after it to be certain: the first check may be this old. Checking ten thousand
 * files takes a third of a second of CPU time.
 */
const CONFIRMED_FOR_MS = 5_000;

interface PackSettings {
  readonly cacheDir: string;
  /** A folder for an incomplete copy, on the same file system as the job's folder. */
  readonly waitingRoom: string;
  /** The manifest of a resumed job. */
  readonly begun: string | undefined;
}

/**
 * The scene of one job as it was sent, even if its files change meanwhile: this machine opens and checks
 * the same scene as donors. If the .blend was overwritten, the job's copy is opened; other files have
 * no copy, so that a change of one is SCENE_CHANGED.
 */
export class SentScene {
  /** Absolute path of the original .blend. */
  readonly path: string;
  readonly copy: SceneCopy;
  #stamp: FileStamp | undefined;
  #hasCopy = false;
  #bundle: PackedBundle | undefined;
  #others = new SentFiles([]);
  #laidOut: Promise<ExtractedScene> | undefined;
  #confirmedMs = Number.NEGATIVE_INFINITY;
  readonly #ownPictures = new Set<string>();
  readonly #clock: Clock;
  readonly #life: AbortSignal;

  /** `life`: aborts with the work on the job. */
  constructor(path: string, copy: SceneCopy, clock: Clock, life: AbortSignal) {
    this.path = path;
    this.copy = copy;
    this.#clock = clock;
    this.#life = life;
  }

  /** From here on a change of the .blend is detected. */
  async look(): Promise<void> {
    this.#stamp = await stampAt(this.path);
  }

  /** Whether the .blend is unchanged since it was sent. */
  async isUntouched(): Promise<boolean> {
    return sameStamp(await stampWithoutOpening(this.path), this.#stamp);
  }

  /** Runs the inspection, and copies the .blend at the same time. Throws SCENE_CHANGED when it was overwritten meanwhile. */
  async inspected<T>(inspect: () => Promise<T>, waitingRoom: string): Promise<T> {
    const taking = this.#stamp && this.copy.take(this.path, this.#stamp, waitingRoom);
    const [found, taken] = await Promise.allSettled([inspect(), taking]);
    this.#hasCopy = taken.status === "fulfilled" && taken.value === true;
    if (this.#stamp && !(await this.isUntouched())) throw changedScene(this.path);
    if (found.status === "rejected") throw found.reason;
    return found.value;
  }

  /** Packs the scene that was inspected, or with which the job started. Throws as `packBundle`. */
  async pack(files: readonly SceneFile[], settings: PackSettings, signal: AbortSignal): Promise<PackedBundle> {
    const bundle =
      settings.begun === undefined ? await this.#packNew(files, settings, signal) : await this.#packAgain(files, settings, signal);
    this.#bundle = bundle;
    this.#others = new SentFiles(bundle.files.filter((file) => file !== blendFileOf(bundle)));
    return bundle;
  }

  async #packNew(files: readonly SceneFile[], { cacheDir }: PackSettings, signal: AbortSignal): Promise<PackedBundle> {
    const options = { cacheDir, copies: this.#copies(files) };
    const packed = await packBundle(files, options, signal).catch(ifChanged);
    await this.copy.keep();
    if (!(packed instanceof FarmError) && sameStamp(blendFileOf(packed).stamp, this.#stamp)) return packed;
    if (!this.#hasCopy) throw packed instanceof FarmError ? packed : changedScene(this.path);
    return await packBundle(files, { ...options, fromCopies: true }, signal);
  }

  async #packAgain(
    files: readonly SceneFile[],
    { cacheDir, begun, waitingRoom }: PackSettings,
    signal: AbortSignal,
  ): Promise<PackedBundle> {
    this.#hasCopy = await this.copy.isThere();
    const options = { cacheDir, copies: this.#copies(files) };
    const packed = await packBundle(files, options, signal).catch(ifChanged);
    if (!(packed instanceof FarmError) && packed.manifestHash === begun) {
      this.#stamp = blendFileOf(packed).stamp;
      if (!this.#hasCopy) this.#hasCopy = await this.copy.take(this.path, this.#stamp, waitingRoom);
      await this.copy.keep();
      return packed;
    }
    if (this.#hasCopy) return await packBundle(files, { ...options, fromCopies: true }, signal);
    if (packed instanceof FarmError) throw packed;
    return packed; // found when hashes are compared
  }

  /** The path of the copy for the .blend as named by the inspection. */
  #copies(files: readonly SceneFile[]): ReadonlyMap<string, string> {
    const scene = files.find(({ kind }) => kind === "blend");
    return new Map(scene ? [[scene.path, this.copy.path]] : []);
  }

  /**
   * The file that a local Blender opens now. `goesBack`: it will open the file again by itself (simulations are
   * stepped from their start), so that a Blender that has the original open cannot be used after a change.
   * Throws SCENE_CHANGED when the scene as it was sent no longer exists on this machine.
   */
  async toOpen(goesBack: boolean, signal: AbortSignal): Promise<LocalScene> {
    if (this.#clock.monotonicMs() - this.#confirmedMs > CONFIRMED_FOR_MS) await this.confirmOthers(signal);
    if (await this.isUntouched()) return { key: this.path, path: this.path, remap: {} };
    const { scenePath, remap } = await this.#layOut();
    return { key: goesBack ? scenePath : this.path, path: scenePath, remap };
  }

  /** Throws SCENE_CHANGED when a file other than the .blend is no longer what was sent. */
  async confirmOthers(signal: AbortSignal): Promise<void> {
    const changed = await this.#others.firstChanged(signal, this.#ownPictures);
    if (changed !== undefined) throw changedScene(changed);
    this.#confirmedMs = this.#clock.monotonicMs();
  }

  /** The job's own pictures may be files that the scene names, for instance strips of an earlier render. */
  wrote(pictures: readonly string[]): void {
    for (const picture of pictures) this.#ownPictures.add(picture);
  }

  /** Throws SCENE_CHANGED when there is no copy of the .blend, or when it is not what was sent. */
  async confirmCopy(signal: AbortSignal): Promise<void> {
    if (!this.#hasCopy || !this.#bundle) throw changedScene(this.path);
    await this.copy.check(this.#bundle, signal);
  }

  async #layOut(): Promise<ExtractedScene> {
    const bundle = this.#bundle;
    if (!this.#hasCopy || !bundle) throw changedScene(this.path);
    this.#laidOut ??= this.copy.layOut(bundle, this.#life).catch((error: unknown) => {
      throw isFarmError(error) || this.#life.aborted ? error : changedScene(this.path, error); // a full disk, for instance
    });
    return await this.#laidOut;
  }
}

/** The error if the .blend changed or was removed while it was packed; others are rethrown. */
function ifChanged(error: unknown): FarmError {
  if (isFarmError(error, "SCENE_CHANGED") || isFarmError(error, "SCENE_NOT_FOUND")) return error;
  throw error;
}
