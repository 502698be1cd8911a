import { FAULT_KINDS, type Fault } from "./story/fault.ts";
import { describeStory, type Story } from "./story/story.ts";

export interface Played {
  readonly story: Story;
  readonly seconds: number;
  readonly faults: readonly Fault[];
}

/** A line of the report. */
export function lineOf({ story, seconds, faults }: Played): string {
  const verdict = faults.length === 0 ? "ok    " : "FAILED";
  const why = faults.map(({ kind, what }) => `\n    ${kind}: ${what}`).join("");
  return `${verdict} seed ${story.seed}  ${seconds.toFixed(1)} s  ${describeStory(story)}${why}`;
}

/** The results of all stories; jobs of one story fail together, because they share its donors. */
export class Tally {
  readonly #played: Played[] = [];

  add(played: Played): void {
    this.#played.push(played);
  }

  get jobs(): number {
    return this.#played.reduce((sum, { story }) => sum + story.jobs.length, 0);
  }

  get failed(): number {
    return this.#played.filter(({ faults }) => faults.length > 0).length;
  }

  summary(): string {
    const counts = FAULT_KINDS.map(
      (kind) => `${this.#played.filter(({ faults }) => faults.some((fault) => fault.kind === kind)).length} ${kind}`,
    );
    return `${this.jobs} jobs, ${counts.join(", ")}`;
  }

  /** Counts like a test runner: each story is one test. */
  get counts(): { readonly passed: number; readonly failed: number } {
    return { passed: this.#played.length - this.failed, failed: this.failed };
  }
}
