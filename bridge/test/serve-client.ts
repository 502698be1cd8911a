import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pEvent } from "p-event";
import { emptyPart, PART_HEAD_BYTES } from "../gateway/wire/binary-frame.ts";
import { openClient } from "../gateway/fixtures/gateway-kit.ts";
import type { JobSummary, WireEvent } from "../gateway/wire/job-messages.ts";
import type { JobSubmission } from "../gateway/wire/job-submission.ts";
import { GATEWAY_LIMITS } from "../gateway/wire/limits.ts";
import type { z } from "zod";
import type { BridgeFrame, Method } from "../gateway/wire/messages.ts";
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

/** Finds the bridge of a home by its files, as the add-on does, and connects to it. */
export async function connectTo(home: string) {
  const file = JSON.parse(await readFile(join(home, "gateway.json"), "utf8")) as { port: number; tokenFile: string };
  const client = await openClient(file.port, { token: await readFile(file.tokenFile, "utf8") });
  if (client.greeting.type !== "welcome") throw new Error(JSON.stringify(client.greeting));
  /** The reply; throws its error code. */
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
    event(job, (each) => each.event === "job-summary" && states.includes(each.summary.state)).then((each) => lineOf(each));
  return {
    ...client,
    session: client.greeting.session,
    ask,
    eventsOf,
    event,
    state,
    submit: async (submission: z.input<typeof JobSubmission>) => {
      const { job } = await ask("jobs.submit", submission);
      await ask("jobs.watch", { job });
      return job;
    },
    /** Uploads a scene like a client that shares no disk with the bridge; returns its path there. */
    send: async (path: string): Promise<string> => {
      const data = await readFile(path);
      const sha256 = createHash("sha256").update(data).digest("hex");
      const { upload } = await ask("files.put", { name: basename(path), bytes: data.length, sha256 });
      for (let at = 0; at < data.length; at += GATEWAY_LIMITS.maxPartBytes) {
        const bytes = Math.min(GATEWAY_LIMITS.maxPartBytes, data.length - at);
        const part = emptyPart(upload, bytes);
        data.copy(part, PART_HEAD_BYTES, at, at + bytes);
        client.socket.send(part);
      }
      return (await ask("files.done", { upload })).scenePath;
    },
    /** Downloads a file that a job has announced. */
    take: async (job: string, path: string): Promise<Buffer> => {
      const { download, bytes } = await ask("files.get", { job, path });
      const come = () => Buffer.concat(client.parts.get(download) ?? []);
      while (come().length < bytes) await pEvent(client.socket, "message");
      return come();
    },
    /** The last summary of a job. */
    ended: (job: string) => state(job, ENDED),
  };
}

function isOf(frame: BridgeFrame, job: string): frame is Extract<BridgeFrame, { type: "event" }> {
  return frame.type === "event" && frame.job === job;
}

function lineOf(event: WireEvent): JobSummary {
  if (event.event !== "job-summary") throw new Error("no line");
  return event.summary;
}
