import { createHmac } from "node:crypto";
import type { Chunk, DonorId, ResultFile } from "../../core/plan/chunk.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import type { Verdict } from "../../core/schedule/types.ts";
import type { Rect } from "../../core/job/scene-facts.ts";
import { chooseCrops } from "../../core/verify/crops.ts";
import type { Log } from "../../kernel/log.ts";
import type { Time, World } from "../../kernel/world.ts";
import { checkFiles } from "./check-files.ts";
import { verifyCropsWithinNoise, verifyCropsBitExact, type CheckFinding } from "./check-raw.ts";
import { CheckRenders, type FilesSpec, type RawSpec } from "./check-renders.ts";
import { FalseAlarmReporter } from "./false-alarm-reporter.ts";
import type { JobFolder } from "../job-folder.ts";
import type { JobMedia, LocalScene, LocalSlots, ResultSummary } from "../ports.ts";

/** Size and number of crops a check renders; `trust.md` 1.4 gives the cost. */
export const CHECK_SHAPE = { cropSize: 32, crops: 2, summarySize: 16 } as const;

/** A whole tile is rendered, twice if need be, before its donor is called a liar; what takes longer is judged by its crops. */
const WHOLE_LOOK_MS = 300_000;

export interface CheckerDeps {
  readonly world: Time & Pick<World, "disk">;
  readonly slots: LocalSlots;
  readonly media: Pick<JobMedia, "compare" | "check" | "samePicture">;
  readonly folder: Pick<JobFolder, "local" | "resultPath">;
  readonly observe: (event: JobEvent) => void;
  readonly log: Log;
}

export interface CheckerOptions {
  readonly scene: LocalScene;
  /** No donor knows it, so no donor knows which pixels will be looked at. */
  readonly secret: Uint8Array;
  /** Pixels rendered around a crop and cut off, per scene (adaptive sampling). */
  readonly overscanOf: (scene: string) => number;
  /** Scenes that are rendered until a time is up: how far that gets is another thing for each render, and no result can be judged by it. */
  readonly isByTheClock?: (scene: string) => boolean;
  /** How long whole tiles may be rendered again before a donor is called a liar; minutes when not said. */
  readonly wholeLookMs?: number;
}

/** Whose result is looked at; its files lie in the job's folder. */
export interface CheckedResult {
  readonly donor: DonorId;
  readonly files: readonly ResultFile[];
}

/**
 * Renders small pieces of strangers' results again on this machine, and compares. Nobody is called a liar at the first
 * look: our own Blender may have been wrong.
 */
export class Checker {
  readonly #deps: CheckerDeps;
  readonly #options: CheckerOptions;
  readonly #renders: CheckRenders;
  readonly #doubts: FalseAlarmReporter;
  readonly #liars = new Set<DonorId>();

  constructor(deps: CheckerDeps, options: CheckerOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#renders = new CheckRenders({ slots: deps.slots, disk: deps.world.disk }, { scene: options.scene, folder: deps.folder.local });
    this.#doubts = new FalseAlarmReporter(deps);
  }

  /** Checks a result that lies in the job's folder. */
  async check(chunk: Chunk, result: CheckedResult, sameClass: boolean, signal: AbortSignal): Promise<Verdict> {
    const { scene } = chunk.spec;
    if (this.#options.isByTheClock?.(scene)) {
      this.#doubts.noJudging(scene);
      return "warned";
    }
    const who = { chunk: chunk.id, donor: result.donor };
    let doubted = false;
    const doubt = () => {
      if (!doubted) this.#doubts.raised(who);
      doubted = true;
    };
    const { verdict, cause } = await this.#find({ chunk, result, sameClass, doubt }, signal);
    if (cause === "warm-blender") this.#renders.distrust(scene);
    if (cause) this.#doubts.settled({ ...who, verdict }, scene, cause);
    else if (verdict === "different") {
      this.#doubts.confirmed(who);
      this.#liars.add(result.donor);
    }
    return verdict;
  }

  /** What an honest result of this chunk holds: channels and attributes of a small piece rendered here. */
  async trustedSummary(chunk: Chunk, signal: AbortSignal): Promise<ResultSummary> {
    if (chunk.spec.kind !== "raw") throw new Error("only floats have channels");
    const { rect } = chunk.spec;
    const size = CHECK_SHAPE.summarySize;
    const small: Rect = { x: rect.x, y: rect.y, width: Math.min(size, rect.width), height: Math.min(size, rect.height) };
    await using renders = this.#renders.begin();
    const { path } = await renders.raw({ ...chunk.spec, rect: small }, "warm", signal);
    const expectation = { width: small.width, height: small.height, maxBytes: Number.MAX_SAFE_INTEGER };
    return await this.#deps.media.check(path, expectation, signal);
  }

  async #find(under: UnderCheck, signal: AbortSignal): Promise<CheckFinding> {
    const { spec } = under.chunk;
    return spec.kind === "files" ? await this.#findInFiles(under, spec, signal) : await this.#findInRaw(under, spec, signal);
  }

  async #findInFiles({ chunk, result, sameClass, doubt }: UnderCheck, spec: FilesSpec, signal: AbortSignal): Promise<CheckFinding> {
    const { folder, media } = this.#deps;
    const outputs = result.files.filter(({ role }) => role === "output");
    const theirs = new Map(outputs.map(({ name, sha256 }) => [name, folder.resultPath(chunk.id, result.donor, sha256)]));
    await using renders = this.#renders.begin();
    return await checkFiles({ spec, theirs, sameClass }, { renders, media, doubted: doubt }, signal);
  }

  async #findInRaw({ chunk, result, sameClass, doubt }: UnderCheck, spec: RawSpec, signal: AbortSignal): Promise<CheckFinding> {
    const raw = result.files.find(({ role }) => role === "raw");
    if (!raw) throw new Error("a result of floats has no floats");
    const tileRect = chunk.tileRect ?? spec.rect;
    const { cropSize, crops: count } = CHECK_SHAPE;
    const crops = chooseCrops({ rect: tileRect, count, size: cropSize, key: this.#key(raw.sha256) });
    const { folder, media } = this.#deps;
    const placed = { path: folder.resultPath(chunk.id, result.donor, raw.sha256), rect: spec.rect };
    const under = { spec, tileRect, result: placed, crops, overscan: this.#options.overscanOf(spec.scene) };
    // All that a caught donor delivered is checked: its crops are enough for that.
    const wholeLookMs = this.#liars.has(result.donor) ? undefined : (this.#options.wholeLookMs ?? WHOLE_LOOK_MS);
    await using renders = this.#renders.begin();
    const tools = { time: this.#deps.world, renders, media, doubted: doubt, wholeLookMs };
    return sameClass ? await verifyCropsBitExact(under, tools, signal) : await verifyCropsWithinNoise(under, tools, signal);
  }

  #key(resultHash: string): Uint8Array {
    return createHmac("sha256", this.#options.secret).update(resultHash).digest();
  }
}

interface UnderCheck {
  readonly chunk: Chunk;
  readonly result: CheckedResult;
  readonly sameClass: boolean;
  /** Told before it costs more than one look. */
  readonly doubt: () => void;
}
