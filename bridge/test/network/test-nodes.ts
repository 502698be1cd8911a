import { randomUUID } from "node:crypto";
import { systemClock } from "../../kernel/time/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import type { FrameStream } from "../../protocols/frame-stream.ts";
import { openNode, type SwarmNode } from "../../network/node/node.ts";
import type { NodeOptions } from "../../network/node/node-options.ts";

/** Real nodes on this machine for one test, in a swarm with a unique name; stops them all at its end. */
export class TestNodes implements AsyncDisposable {
  readonly swarm = `test ${randomUUID()}`;
  readonly #stack = new AsyncDisposableStack();

  /** On loopback and without discovery unless the options say otherwise. */
  async open(options: Partial<NodeOptions> = {}): Promise<SwarmNode> {
    const quiet: NodeOptions = { home: undefined, listen: ["/ip4/127.0.0.1/tcp/0"], lan: false, swarm: this.swarm };
    return this.#stack.use(await openNode({ ...quiet, ...options }, { log: silentLog, clock: systemClock }, never()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

/** A signal that never aborts. */
export function never(): AbortSignal {
  return new AbortController().signal;
}

/** The one dialable address of a node on loopback. */
export function addressOf(node: SwarmNode): string {
  const [address] = node.multiaddrs();
  if (address === undefined) throw new Error("the node does not listen");
  return address;
}

/** Sends every frame back until the far side ends. */
export async function echo(stream: FrameStream, _peer: unknown, signal: AbortSignal): Promise<void> {
  for (let frame = await stream.read(signal); frame; frame = await stream.read(signal)) await stream.write(frame, signal);
}

/** The error of a promise, which may reject before it is awaited. */
export function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
