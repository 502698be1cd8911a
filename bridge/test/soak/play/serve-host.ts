import { setTimeout as wait } from "node:timers/promises";
import { BLENDER } from "../../blender-reference.ts";
import type { JsonLine } from "../../bridge-command.ts";
import { connectTo } from "../../serve-client.ts";
import { type BridgeProcess, endWithin, type ProcessPlace, startBridge } from "./bridge-process.ts";
import { type Fault, hung, lost } from "../story/fault.ts";
import { passed } from "../story/happenings.ts";
import type { RequesterEvent } from "../story/story.ts";
import { timeLimit } from "../../time/time-limit.ts";

const START_MS = 60_000;
const STOP_MS = 45_000;
export type ServeClient = Awaited<ReturnType<typeof connectTo>>;

/** `bridge serve` of a home, for all served jobs of it; stopped, killed and started again as a story says. */
export class ServeHost {
  readonly faults: Fault[] = [];
  readonly #place: Omit<ProcessPlace, "name"> & { readonly home: string; readonly swarm: string };
  #running: BridgeProcess | undefined;
  #ready: Promise<void> | undefined;
  #starts = 0;

  constructor(place: Omit<ProcessPlace, "name"> & { readonly home: string; readonly swarm: string }) {
    this.#place = place;
  }

  /** A new connection to the running bridge, or to the next one. */
  async connect(signal: AbortSignal): Promise<ServeClient> {
    for (;;) {
      this.#ready ??= this.#open();
      await this.#ready;
      try {
        return await connectTo(this.#place.home);
      } catch (error) {
        // It was just stopped for another job.
        if (!(await passed(200, signal))) throw error;
      }
    }
  }

  /** Ends it during work; the next one resumes its jobs. */
  async restart({ what, forMs }: RequesterEvent, signal: AbortSignal): Promise<void> {
    const next = Promise.withResolvers<void>();
    next.promise.catch(() => {});
    this.#ready = next.promise;
    await this.#end(what === "kill" ? "SIGKILL" : what === "terminate" ? "SIGTERM" : "SIGINT");
    await passed(forMs, signal);
    await this.#open().then(next.resolve, next.reject);
  }

  async close(): Promise<void> {
    if (this.#running === undefined) return;
    if (this.#running.hasEnded()) {
      this.faults.push(lost(`serve had ended by itself (${await this.#running.ended})`));
      return;
    }
    const code = await this.#end("SIGTERM");
    if (code !== undefined && code !== 0 && code !== 130) this.faults.push(lost(`serve stopped with ${code}`));
  }

  async #end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | undefined> {
    const running = this.#running;
    if (running === undefined) return 0;
    running.signal(signal);
    const code = await endWithin(running, timeLimit(STOP_MS));
    if (code === undefined) this.faults.push(hung(`${running.name} did not stop within ${timeLimit(STOP_MS)} ms of ${signal}`));
    return code;
  }

  async #open(): Promise<void> {
    this.#starts += 1;
    const { home, swarm, folder, temporary } = this.#place;
    const words = ["serve", "--home", home, "--swarm", swarm, "--no-lan", "--json", "--blender", BLENDER];
    const running = startBridge(words, { folder, temporary, name: `serve-${this.#starts}` });
    this.#running = running;
    const startMs = performance.now();
    while (!running.lines.some(({ event }: JsonLine) => event === "serving")) {
      if (running.hasEnded() || performance.now() - startMs > timeLimit(START_MS)) throw new Error(`serve does not start: see ${folder}`);
      await wait(50);
    }
  }
}
