import { createHmac } from "node:crypto";
import { copyFile, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Chunk, ResultFile } from "../core/chunk.ts";
import type { Verdict } from "../core/schedule/types.ts";
import type { Rect } from "../core/scene-facts.ts";
import { chooseCrops } from "../core/verify/crops.ts";
import { type CropDifference, verdictAcross, verdictOfEquals } from "../core/verify/verdict.ts";
import type { JobFolder } from "./job-folder.ts";
import type { JobMedia, LocalRendered, LocalScene, LocalSlots, PlacedFloats, ResultSummary } from "./ports.ts";

/** Size and number of crops a check renders; `trust.md` 1.4 gives the cost. */
export const CHECK_SHAPE = { cropSize: 32, crops: 2, summarySize: 16 } as const;

type FloatsSpec = Extract<Chunk["spec"], { kind: "floats" }>;

export interface CheckerDeps {
  readonly slots: LocalSlots;
  readonly media: Pick<JobMedia, "compare" | "check">;
  readonly folder: JobFolder;
}

export interface CheckerOptions {
  readonly scene: LocalScene;
  /** No donor knows it, so no donor knows which pixels will be looked at. */
  readonly secret: Uint8Array;
  /** Pixels rendered around a crop and cut off, per scene (adaptive sampling). */
  readonly apronOf: (scene: string) => number;
}

/** Renders small pieces of strangers' results again on this machine, and compares. */
export class Checker {
  readonly #deps: CheckerDeps;
  readonly #options: CheckerOptions;
  #count = 0;

  constructor(deps: CheckerDeps, options: CheckerOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Checks a result that lies in the job's folder. */
  async check(chunk: Chunk, files: readonly ResultFile[], sameClass: boolean, signal: AbortSignal): Promise<Verdict> {
    return chunk.spec.kind === "files"
      ? await this.#checkFiles(chunk, files, sameClass, signal)
      : await this.#checkFloats(chunk, files, sameClass, signal);
  }

  /** What an honest result of this chunk holds: channels and attributes of a small piece rendered here. */
  async trustedSummary(chunk: Chunk, signal: AbortSignal): Promise<ResultSummary> {
    if (chunk.spec.kind !== "floats") throw new Error("only floats have channels");
    const { rect } = chunk.spec;
    const size = CHECK_SHAPE.summarySize;
    const small: Rect = { x: rect.x, y: rect.y, width: Math.min(size, rect.width), height: Math.min(size, rect.height) };
    const path = await this.#renderHere({ ...chunk.spec, rect: small }, signal);
    try {
      return await this.#deps.media.check(path, { width: small.width, height: small.height, maxBytes: Number.MAX_SAFE_INTEGER }, signal);
    } finally {
      await rm(path, { force: true });
    }
  }

  async #checkFloats(chunk: Chunk, files: readonly ResultFile[], sameClass: boolean, signal: AbortSignal): Promise<Verdict> {
    const floats = files.find(({ role }) => role === "floats");
    if (chunk.spec.kind !== "floats" || !floats) throw new Error("only floats are checked by crops");
    const keep = chunk.keep ?? chunk.spec.rect;
    const crops = chooseCrops({ rect: keep, count: CHECK_SHAPE.crops, size: CHECK_SHAPE.cropSize, key: this.#key(floats.sha256) });
    const result: PlacedFloats = { path: this.#deps.folder.result(floats.sha256), rect: chunk.spec.rect };
    const weighed: { rect: Rect; difference: CropDifference }[] = [];
    for (const rect of crops) {
      const difference = await this.#compare(chunk.spec, { result, rect, sameClass }, signal);
      const verdict = sameClass ? verdictOfEquals(difference) : "equal";
      if (verdict !== "equal") return verdict;
      weighed.push({ rect, difference });
    }
    return sameClass ? "equal" : verdictAcross(weighed);
  }

  /** Renders one crop here, and what tells its noise where bits alone do not decide. */
  async #compare(
    spec: FloatsSpec,
    { result, rect, sameClass }: { readonly result: PlacedFloats; readonly rect: Rect; readonly sameClass: boolean },
    signal: AbortSignal,
  ): Promise<CropDifference> {
    // Denoising looks at the whole frame, so such a frame is rendered whole.
    const rendered = spec.denoise ? spec.rect : grow(rect, this.#options.apronOf(spec.scene), spec.rect);
    const made: string[] = [];
    const render = async (half?: "first" | "second"): Promise<PlacedFloats> => {
      const path = await this.#renderHere({ ...spec, rect: rendered, ...(half && { half }) }, signal);
      made.push(path);
      return { path, rect: rendered };
    };
    try {
      const reference = await render();
      const difference = await this.#deps.media.compare({ result, reference, rect }, signal);
      if (sameClass || difference.differingPixels === 0) return difference;
      const halves = [await render("first"), await render("second")] as const;
      return await this.#deps.media.compare({ result, reference, rect, halves }, signal);
    } finally {
      for (const path of made) await rm(path, { force: true });
    }
  }

  /** Final files are rendered again as a whole; equal bytes settle it, anything else is told as a warning. */
  async #checkFiles(chunk: Chunk, files: readonly ResultFile[], sameClass: boolean, signal: AbortSignal): Promise<Verdict> {
    const take = async (rendered: LocalRendered): Promise<Verdict> => {
      const wanted = new Map(files.filter(({ role }) => role === "output").map((file) => [file.name, file]));
      if (rendered.outputs.length !== wanted.size) return "different";
      for (const path of rendered.outputs) {
        const theirs = wanted.get(path.split(/[\\/]/).at(-1) ?? "");
        if (!theirs) return "different";
        if (!(await equalPictures(path, this.#deps.folder.result(theirs.sha256)))) return sameClass ? "different" : "warned";
      }
      return "equal";
    };
    return await this.#deps.slots.run(this.#options.scene, chunk.spec, { take }, signal);
  }

  async #renderHere(spec: Chunk["spec"], signal: AbortSignal): Promise<string> {
    const target = join(this.#deps.folder.local, `check-${this.#count++}`);
    const take = async (rendered: LocalRendered) => {
      if (rendered.floats === undefined) throw new Error("a render of floats left no floats");
      await rename(rendered.floats, target).catch(() => copyFile(rendered.floats as string, target));
      return target;
    };
    return await this.#deps.slots.run(this.#options.scene, spec, { take }, signal);
  }

  #key(resultHash: string): Uint8Array {
    return createHmac("sha256", this.#options.secret).update(resultHash).digest();
  }
}

function grow(rect: Rect, by: number, bounds: Rect): Rect {
  const left = Math.max(bounds.x, rect.x - by);
  const bottom = Math.max(bounds.y, rect.y - by);
  const right = Math.min(bounds.x + bounds.width, rect.x + rect.width + by);
  const top = Math.min(bounds.y + bounds.height, rect.y + rect.height + by);
  return { x: left, y: bottom, width: right - left, height: top - bottom };
}

/** Same bytes, dates in the metadata aside: Blender stamps the time into its files. */
async function equalPictures(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([readFile(a), readFile(b)]);
  return withoutDates(left).equals(withoutDates(right));
}

function withoutDates(bytes: Buffer): Buffer {
  const png = bytes.subarray(1, 4).toString("latin1") === "PNG";
  return png
    ? pixelChunks(bytes)
    : Buffer.from(bytes.toString("latin1").replaceAll(/\d{4}[/:-]\d\d[/:-]\d\d \d\d:\d\d:\d\d|\d\d:\d\d\.\d\d/g, ""), "latin1");
}

/** The header and data chunks of a PNG, text chunks left out. */
function pixelChunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.subarray(at + 4, at + 8).toString("latin1");
    if (type === "IHDR" || type === "PLTE" || type === "IDAT") parts.push(bytes.subarray(at + 4, at + 8 + length));
    at += 12 + length;
  }
  return Buffer.concat(parts);
}
