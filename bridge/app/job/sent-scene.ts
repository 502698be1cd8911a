import { type FileStamp, glanceAt, sameStamp, stampAt } from "../../content/bundle/file-stamp.ts";
import type { ExtractedScene } from "../../content/bundle/extract-bundle.ts";
import { packBundle, type PackedBundle } from "../../content/bundle/pack.ts";
import { changedScene } from "../../content/bundle/changed-scene.ts";
import { type SceneCopy, sceneOf } from "../../content/bundle/scene-copy.ts";
import { SentFiles } from "../../content/bundle/sent-files.ts";
import type { SceneFile } from "../../core/job/scene-facts.ts";
import type { Clock } from "../../kernel/clock.ts";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import type { LocalScene } from "../../requester/ports.ts";

/**
 * Before a render the files are looked at to save the work, after it to be sure: the first look may be this old. Ten thousand
 * files take a third of a second of a processor.
 */
const CONFIRMED_FOR_MS = 5_000;

interface PackSettings {
  readonly cacheDir: string;
  /** A folder for a copy that is not whole yet, on the file system of the job's own. */
  readonly waitingRoom: string;
  /** The manifest of a job that is taken up again. */
  readonly begun: string | undefined;
}

/**
 * The scene of one job as it was sent, whatever its artist does with the files meanwhile: this machine opens and checks
 * what donors were given. A .blend that was saved over is replaced by the copy that the job keeps; for other files
 * there is none, so a change of theirs is told as SCENE_CHANGED.
 */
export class SentScene {
  /** Where the artist has the .blend, absolute. */
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

  /** `life`: of the work on the job. */
  constructor(path: string, copy: SceneCopy, clock: Clock, life: AbortSignal) {
    this.path = path;
    this.copy = copy;
    this.#clock = clock;
    this.#life = life;
  }

  /** From here on a change of the .blend is noticed. */
  async look(): Promise<void> {
    this.#stamp = await stampAt(this.path);
  }

  /** The .blend still is what was sent. */
  async isUntouched(): Promise<boolean> {
    return sameStamp(await glanceAt(this.path), this.#stamp);
  }

  /** Runs the inspection, and copies what is inspected beside it. Throws SCENE_CHANGED when it was saved over meanwhile. */
  async inspected<T>(inspect: () => Promise<T>, waitingRoom: string): Promise<T> {
    const taking = this.#stamp && this.copy.take(this.path, this.#stamp, waitingRoom);
    const [found, taken] = await Promise.allSettled([inspect(), taking]);
    this.#hasCopy = taken.status === "fulfilled" && taken.value === true;
    if (this.#stamp && !(await this.isUntouched())) throw changedScene(this.path);
    if (found.status === "rejected") throw found.reason;
    return found.value;
  }

  /** Packs the scene: what was inspected, or what the job began with. Throws as `packBundle`. */
  async pack(files: readonly SceneFile[], settings: PackSettings, signal: AbortSignal): Promise<PackedBundle> {
    const bundle =
      settings.begun === undefined ? await this.#packNew(files, settings, signal) : await this.#packAgain(files, settings, signal);
    this.#bundle = bundle;
    this.#others = new SentFiles(bundle.files.filter((file) => file !== sceneOf(bundle)));
    return bundle;
  }

  async #packNew(files: readonly SceneFile[], { cacheDir }: PackSettings, signal: AbortSignal): Promise<PackedBundle> {
    const options = { cacheDir, copies: this.#copies(files) };
    const packed = await packBundle(files, options, signal).catch(ifChanged);
    await this.copy.keep();
    if (!(packed instanceof FarmError) && sameStamp(sceneOf(packed).stamp, this.#stamp)) return packed;
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
      this.#stamp = sceneOf(packed).stamp;
      if (!this.#hasCopy) this.#hasCopy = await this.copy.take(this.path, this.#stamp, waitingRoom);
      await this.copy.keep();
      return packed;
    }
    if (this.#hasCopy) return await packBundle(files, { ...options, fromCopies: true }, signal);
    if (packed instanceof FarmError) throw packed;
    return packed; // whoever compares the hashes tells it
  }

  /** Where the copy is, or will be, for the .blend as the inspection names it. */
  #copies(files: readonly SceneFile[]): ReadonlyMap<string, string> {
    const scene = files.find(({ kind }) => kind === "blend");
    return new Map(scene ? [[scene.path, this.copy.path]] : []);
  }

  /**
   * What a Blender of this machine opens now. `goesBack`: it will open the file once more by itself (simulations are
   * stepped from their start), so that a Blender which holds the scene from before a change is of no use.
   * Throws SCENE_CHANGED when this machine cannot have the scene as it was sent any more.
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

  /** The job's own pictures may be files that the scene names: strips over what it rendered the last time. */
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

/** The error where the .blend may have changed or gone while it was packed; others are thrown. */
function ifChanged(error: unknown): FarmError {
  if (isFarmError(error, "SCENE_CHANGED") || isFarmError(error, "SCENE_NOT_FOUND")) return error;
  throw error;
}
