import { setTimeout as wait } from "node:timers/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { BLENDER } from "../../blender-reference.ts";
import { blendersOf } from "../../processes.ts";
import { askBridge, type BridgeProcess, endWithin, startBridge } from "./bridge-process.ts";
import { type Fault, hung, leftOver, lost } from "../story/fault.ts";
import { type Happenings, passed } from "../story/happenings.ts";
import { handlesOf } from "./our-processes.ts";
import type { DonorEvent } from "../story/story.ts";
import { timeLimit } from "../../time/time-limit.ts";

const START_MS = 90_000;
const STOP_MS = 40_000;
/** Time after which a job's handles are closed. */
const CLOSED_MS = 8_000;
/** Allowed variation of open connections and files. */
const HANDLE_SLACK = 12;

export interface DonorPlace {
  readonly home: string;
  readonly swarm: string;
  readonly slots: number;
  readonly name: string;
  readonly folder: string;
  readonly temporary: string;
}

/** An honest donor, which stops, pauses, sleeps and is killed as its story says. Its address stays the same. */
export class DonorActor {
  readonly faults: Fault[] = [];
  readonly #place: DonorPlace;
  readonly #port: number;
  #running: BridgeProcess;
  #starts = 1;
  #address = "";

  private constructor(place: DonorPlace, port: number) {
    this.#place = place;
    this.#port = port;
    this.#running = this.#start();
  }

  static async start(place: DonorPlace): Promise<DonorActor> {
    const donor = new DonorActor(place, await freePort());
    await donor.#listening();
    return donor;
  }

  get address(): string {
    return this.#address;
  }

  /** Its number of open handles, and the number of its start. */
  async handles(): Promise<{ readonly start: number; readonly count: number }> {
    return { start: this.#starts, count: await handlesOf(this.#running.pid) };
  }

  /** A fault when a job has left handles open. */
  async checkHandles(before: { readonly start: number; readonly count: number }): Promise<void> {
    if (before.start !== this.#starts || this.#running.hasEnded()) return;
    const most = before.count + HANDLE_SLACK;
    const endMs = performance.now() + timeLimit(CLOSED_MS);
    let count: number;
    do {
      await wait(500);
      ({ count } = await this.handles());
    } while (count > most && performance.now() < endMs);
    if (count > most) this.faults.push(leftOver(`${this.#place.name} had ${before.count} handles open before and ${count} after`));
  }

  /** Plays the events in order, each at its moment; is running again after the signal. */
  async live(events: readonly DonorEvent[], happenings: Happenings, signal: AbortSignal): Promise<void> {
    for (const event of events) {
      if (!(await happenings.reach(event.at, signal))) return;
      await this.#goThrough(event, signal);
    }
  }

  /** Stops it as its owner does. */
  async stop(): Promise<void> {
    if (this.#running.hasEnded()) {
      this.faults.push(lost(`${this.#place.name} had ended by itself (${await this.#running.ended})`));
      return;
    }
    this.#running.signal("SIGTERM");
    const code = await endWithin(this.#running, timeLimit(STOP_MS));
    if (code === undefined) this.faults.push(hung(`${this.#place.name} did not stop within ${timeLimit(STOP_MS)} ms`));
    else if (code !== 0 && code !== 130) this.faults.push(lost(`${this.#place.name} stopped with ${code}`));
  }

  async #goThrough({ what, forMs }: DonorEvent, signal: AbortSignal): Promise<void> {
    switch (what) {
      case "stop":
        await this.stop();
        return await this.#again(forMs, signal);
      case "kill":
        this.#running.signal("SIGKILL");
        await this.#running.ended;
        return await this.#again(forMs, signal);
      case "pause":
        await this.#verb("pause");
        await passed(forMs, signal);
        return await this.#verb("resume");
      case "sleep":
        return await this.#sleep(forMs, signal);
    }
  }

  async #again(forMs: number, signal: AbortSignal): Promise<void> {
    await passed(forMs, signal);
    this.#starts += 1;
    this.#running = this.#start();
    await this.#listening();
  }

  /** Suspends the whole computer: the bridge and its Blenders. */
  async #sleep(forMs: number, signal: AbortSignal): Promise<void> {
    const asleep = [this.#running.pid, ...(await blendersOf(this.#running.pid)).map(({ pid }) => pid)];
    asleep.forEach((pid) => trySignal(pid, "SIGSTOP"));
    await passed(forMs, signal);
    asleep.forEach((pid) => trySignal(pid, "SIGCONT"));
  }

  async #verb(verb: "pause" | "resume"): Promise<void> {
    const { folder, name, temporary, home } = this.#place;
    await askBridge(["donate", verb, "--home", home, "--json"], { folder, temporary, name: `${name}-${verb}` });
  }

  #start(): BridgeProcess {
    const { home, swarm, slots, name, folder, temporary } = this.#place;
    const where = ["--home", home, "--swarm", swarm, "--listen", `/ip4/127.0.0.1/tcp/${this.#port}`, "--no-lan", "--json", "--name", name];
    const power = ["--sandbox", "process", "--blender", BLENDER, "--cpus", "1", "--jobs", `${slots}`];
    return startBridge(["donate", ...where, ...power], { folder, temporary, name: `${name}-${this.#starts}` });
  }

  async #listening(): Promise<void> {
    const startMs = performance.now();
    for (;;) {
      const line = this.#running.lines.find(({ event }) => event === "listening");
      if (line !== undefined) {
        this.#address = String((line["multiaddrs"] as readonly string[])[0]);
        return;
      }
      if (this.#running.hasEnded() || performance.now() - startMs > timeLimit(START_MS))
        throw new Error(`${this.#place.name} does not start: see its .stderr in ${this.#place.folder}`);
      await wait(50);
    }
  }
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** A fixed port, so that a restarted donor is found at the same address. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
