import { randomBytes } from "node:crypto";
import type { Connection } from "@libp2p/interface";
import type { Clock } from "../../kernel/time/clock.ts";
import { FarmError } from "../../kernel/errors.ts";

const PING_PROTOCOL = "/ipfs/ping/1.0.0";
const PING_BYTES = 32;

/**
 * One libp2p ping over this connection, in milliseconds. The library's service uses whichever connection comes
 * first, and on a busy one it would measure the queue.
 */
export async function measureRoundTrip(connection: Connection, clock: Clock, signal: AbortSignal): Promise<number> {
  const stream = await connection.newStream(PING_PROTOCOL, { signal });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const sent = randomBytes(PING_BYTES);
  let received = Buffer.alloc(0);
  const giveUp = () => reject(signal.reason as Error);
  stream.addEventListener("message", (event) => {
    received = Buffer.concat([received, ArrayBuffer.isView(event.data) ? event.data : event.data.subarray()]).subarray(0, PING_BYTES);
    if (received.byteLength < PING_BYTES) return;
    if (received.equals(sent)) resolve();
    else reject(new FarmError("PEER_BROKE_PROTOCOL", "the peer answered a ping with other bytes"));
  });
  stream.addEventListener("close", (event) => reject(event.error ?? new Error("the peer closed the stream")));
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    signal.throwIfAborted();
    const startMs = clock.monotonicMs();
    stream.send(sent);
    await promise;
    const elapsedMs = clock.monotonicMs() - startMs;
    await stream.close({ signal });
    return elapsedMs;
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error("ping failed"));
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
