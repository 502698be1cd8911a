import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openClient } from "../gateway/fixtures/gateway-kit.ts";
import type { JobLine, WireEvent } from "../gateway/job-messages.ts";
import type { JobWish } from "../gateway/job-wish.ts";
import type { z } from "zod";
import type { BridgeFrame, Method } from "../gateway/messages.ts";
import type { Result } from "../gateway/ports.ts";
import { bridge, TEST_SWARM } from "./bridge-command.ts";

/** `bridge serve` as the add-on starts it. */
export async function startServe(home: string, args: readonly string[] = []) {
  const running = bridge(["serve", "--home", home, "--swarm", TEST_SWARM, "--no-lan", "--json", ...args]);
  const serving = await running.line(({ event }) => event === "serving");
  return {
    ...running,
    serving,
    port: Number(serving["port"]),
    [Symbol.asyncDispose]: async () => {
      running.child.kill("SIGTERM");
      await running.child;
    },
  };
}

const ENDED: readonly string[] = ["complete", "incomplete", "cancelled", "failed"];

/** Finds the bridge of a home by its files, as the add-on does, and speaks with it. */
export async function connectTo(home: string) {
  const file = JSON.parse(await readFile(join(home, "gateway.json"), "utf8")) as { port: number; tokenFile: string };
  const client = await openClient(file.port, { token: await readFile(file.tokenFile, "utf8") });
  if (client.greeting.type !== "welcome") throw new Error(JSON.stringify(client.greeting));
  /** The answer; throws its code. */
  const ask = async <M extends Method>(method: M, params: unknown = {}): Promise<Result<M>> => {
    const answer = await client.ask(method, params);
    if (answer.type === "reply") return answer.result as Result<M>;
    throw new Error(answer.type === "failure" ? `${answer.error.code}: ${answer.error.message}` : answer.type);
  };
  const eventsOf = (job: string): WireEvent[] => client.frames.flatMap((frame) => (isOf(frame, job) ? [frame.event] : []));
  const event = async (job: string, fits: (event: WireEvent) => boolean): Promise<WireEvent> => {
    const frame = await client.frame((each) => isOf(each, job) && fits(each.event));
    if (!isOf(frame, job)) throw new Error("another frame");
    return frame.event;
  };
  const state = (job: string, states: readonly string[]) =>
    event(job, (each) => each.event === "job-line" && states.includes(each.line.state)).then((each) => lineOf(each));
  return {
    ...client,
    session: client.greeting.session,
    ask,
    eventsOf,
    event,
    state,
    submit: async (wish: z.input<typeof JobWish>) => {
      const { job } = await ask("jobs.submit", wish);
      await ask("jobs.watch", { job });
      return job;
    },
    /** The last word on a job. */
    ended: (job: string) => state(job, ENDED),
  };
}

function isOf(frame: BridgeFrame, job: string): frame is Extract<BridgeFrame, { type: "event" }> {
  return frame.type === "event" && frame.job === job;
}

function lineOf(event: WireEvent): JobLine {
  if (event.event !== "job-line") throw new Error("no line");
  return event.line;
}
