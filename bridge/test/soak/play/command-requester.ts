import { BLENDER } from "../../blender-reference.ts";
import type { JsonLine } from "../../bridge-command.ts";
import { askBridge, type BridgeProcess, endWithin, startBridge } from "./bridge-process.ts";
import { type Fault, hung, lost } from "../story/fault.ts";
import { passed } from "../story/happenings.ts";
import { type Ending, type JobPlace, sceneFolderOf, videoOf } from "./job-place.ts";
import { blenderFlags } from "./reference.ts";
import type { JobStory, Moment, RequesterEvent } from "../story/story.ts";
import { timeLimit } from "../../time/time-limit.ts";

/** Time for a first Ctrl-C to wait for donors that do not answer. */
const LEAVE_MS = 45_000;

/** `bridge render`, interrupted and resumed as its story says, to its end. */
export async function requestByCommand(story: JobStory, place: JobPlace, signal: AbortSignal): Promise<Ending> {
  const requester = new CommandRequester(story, place);
  return await requester.run(signal);
}

class CommandRequester {
  readonly #story: JobStory;
  readonly #place: JobPlace;
  readonly #all: JsonLine[] = [];
  readonly #faults: Fault[] = [];
  #starts = 0;

  constructor(story: JobStory, place: JobPlace) {
    this.#story = story;
    this.#place = place;
  }

  async run(signal: AbortSignal): Promise<Ending> {
    let running = this.#start(this.#renderWords());
    for (const event of this.#story.events) {
      if (!(await this.#comesFirst(event.at, running, signal))) break;
      await this.#leave(running, event);
      await passed(event.forMs, signal);
      const next = await this.#takeUp(running);
      if (next === undefined) break;
      running = next;
    }
    const code = await endOf(running, signal);
    if (code === undefined) {
      this.#faults.push(hung(`${running.name} does not end; last: ${JSON.stringify(this.#all.at(-1)).slice(0, 300)}`));
      await endWithin(running, 0);
    }
    // A killed process that had done everything is judged by its files.
    else if (code !== 0 && !(await this.#isComplete())) this.#faults.push(lost(`${running.name} ended with ${code}`));
    return { job: await this.#job(), last: running.lines, all: this.#all, faults: this.#faults };
  }

  #start(words: readonly string[]): BridgeProcess {
    this.#starts += 1;
    const { name, folder, temporary, happenings } = this.#place;
    return startBridge([...words, ...this.#sharedWords()], { folder, temporary, name: `${name}-${this.#starts}` }, (line) => {
      this.#all.push(line);
      happenings.tell(line);
    });
  }

  #renderWords(): string[] {
    const { story, place } = { story: this.#story, place: this.#place };
    const how = ["--tiles", story.tiles, "--verify", story.verify, "--blender", BLENDER];
    return [
      "render",
      place.scenePath,
      ...blenderFlags(story, sceneFolderOf(place)),
      ...how,
      ...(story.video ? ["--video", videoOf(place)] : []),
    ];
  }

  #sharedWords(): string[] {
    const { swarm, home, donors } = this.#place;
    const local = this.#story.local === 0 ? ["--no-local"] : ["--local", `${this.#story.local}`];
    return ["--swarm", swarm, "--home", home, "--json", ...local, ...donors.flatMap((donor) => ["--peer", donor])];
  }

  /** True at the chosen moment; false when the process ends before or just then. */
  async #comesFirst(at: Moment, running: BridgeProcess, signal: AbortSignal): Promise<boolean> {
    const stop = new AbortController();
    const onAbort = () => stop.abort();
    signal.addEventListener("abort", onAbort);
    void running.ended.then(onAbort);
    const reached = await this.#place.happenings.reach(at, stop.signal);
    signal.removeEventListener("abort", onAbort);
    return reached && !running.hasEnded() && !hasJobEnded(running.lines);
  }

  async #leave(running: BridgeProcess, { what }: RequesterEvent): Promise<void> {
    if (what === "kill") running.signal("SIGKILL");
    else if (what === "terminate") running.signal("SIGTERM");
    else running.signalGroup("SIGINT");
    const code = await endWithin(running, timeLimit(LEAVE_MS));
    if (code === undefined) this.#faults.push(hung(`${running.name} did not leave within ${timeLimit(LEAVE_MS)} ms of ${what}`));
  }

  /** Resumes the job, or starts it again when it was not recorded; undefined when it was done. */
  async #takeUp(before: BridgeProcess): Promise<BridgeProcess | undefined> {
    if (outcomeIn(before.lines) === "complete" || (await this.#isComplete())) return undefined;
    const job = await this.#job();
    return this.#start(job === undefined ? this.#renderWords() : ["jobs", "resume", job]);
  }

  async #job(): Promise<string | undefined> {
    const told = this.#all.find(({ event }) => event === "job-created")?.["job"];
    if (typeof told === "string") return told;
    const jobs = await this.#ask(["jobs", "list"]);
    const found = jobs.find((line) => line["scenePath"] === this.#place.scenePath)?.["id"];
    return typeof found === "string" ? found : undefined;
  }

  async #isComplete(): Promise<boolean> {
    const jobs = await this.#ask(["jobs", "list"]);
    return jobs.some((line) => line["scenePath"] === this.#place.scenePath && line["state"] === "complete");
  }

  async #ask(words: readonly string[]): Promise<readonly JsonLine[]> {
    const { folder, temporary, name, home } = this.#place;
    return await askBridge([...words, "--home", home, "--json"], { folder, temporary, name: `${name}-list` });
  }
}

function outcomeIn(lines: readonly JsonLine[]): unknown {
  return lines.find(({ event }) => event === "job-ended")?.["outcome"];
}

function hasJobEnded(lines: readonly JsonLine[]): boolean {
  return outcomeIn(lines) !== undefined;
}

/** Its exit, or undefined when the signal aborted first. */
async function endOf(running: BridgeProcess, signal: AbortSignal): Promise<number | NodeJS.Signals | undefined> {
  return await new Promise((resolve) => {
    const onAbort = () => resolve(undefined);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    void running.ended.then((code) => {
      signal.removeEventListener("abort", onAbort);
      resolve(code);
    });
  });
}
