import type { Verdict } from "../../core/schedule/types.ts";
import type { JobEvent } from "../../core/job/job-events.ts";
import type { Log } from "../../kernel/log.ts";

/** Why a result that looked like a lie was none. */
export type FalseAlarmCause = "warm-blender" | "own-noise" | "crop-is-not-tile";

const MESSAGES: Readonly<Record<FalseAlarmCause, (scene: string) => string>> = {
  "warm-blender": (scene) => `a Blender that had been at work here rendered ${scene} otherwise than a fresh one: checks use fresh ones now`,
  "own-noise": (scene) => `Blender does not render ${scene} twice in the same way here: results that differ by as little are taken`,
  "crop-is-not-tile": (scene) =>
    `a small piece of ${scene} rendered alone differs from the same piece of a tile: in doubt, tiles are checked whole`,
};

/** What second looks found: logged each time, and told once a job for each cause. */
export class FalseAlarmReporter {
  readonly #deps: { readonly observe: (event: JobEvent) => void; readonly log: Log };
  readonly #told = new Set<string>();

  constructor(deps: { readonly observe: (event: JobEvent) => void; readonly log: Log }) {
    this.#deps = deps;
  }

  /** Somebody's result is looked at again before it is called a lie. */
  raised(facts: { readonly chunk: string; readonly donor: string }): void {
    this.#deps.log.info(facts, "a result differs from our render and is looked at again");
  }

  settled(
    facts: { readonly chunk: string; readonly donor: string; readonly verdict: Verdict },
    scene: string,
    cause: FalseAlarmCause,
  ): void {
    this.#deps.log.info({ ...facts, cause }, "a result that differed from our first render is no lie");
    this.#tell(cause, MESSAGES[cause](JSON.stringify(scene)));
  }

  /** No two renders of this scene are equal, by its own settings. */
  noJudging(scene: string): void {
    this.#tell(
      "time-limit",
      `${JSON.stringify(scene)} renders against a time limit, and never twice the same: what donors deliver of it is not checked`,
    );
  }

  #tell(what: string, message: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#deps.observe({ event: "note", code: `checks-${what}`, message });
  }

  confirmed(facts: { readonly chunk: string; readonly donor: string }): void {
    this.#deps.log.info(facts, "a result differs from fresh renders, too");
  }
}
