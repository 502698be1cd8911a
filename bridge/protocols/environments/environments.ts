import { FarmError } from "../../kernel/errors.ts";
import { readMessage, writeMessage } from "../codec.ts";
import type { FrameStream, SwarmNetwork } from "../frame-stream.ts";
import { ENVIRONMENTS_LIMITS, ENVIRONMENTS_PROTOCOL, EnvironmentReply, EnvironmentRequest } from "./messages.ts";

const READ = { maxBytes: ENVIRONMENTS_LIMITS.maxMessageBytes, timeoutMs: ENVIRONMENTS_LIMITS.replyTimeoutMs };

/** Serving side: one request, one reply. */
export async function answerEnvironment(
  stream: FrameStream,
  lookUp: (digest: string) => Promise<EnvironmentReply>,
  signal: AbortSignal,
): Promise<void> {
  const request = await readMessage(stream, EnvironmentRequest, READ, signal);
  if (request !== undefined) await writeMessage(stream, await lookUp(request.digest), READ.timeoutMs, signal);
  await stream.close();
}

/** Requests an environment from a peer. Throws PEER_UNREACHABLE, PEER_BROKE_PROTOCOL. */
export async function askEnvironment(
  network: Pick<SwarmNetwork, "open">,
  peer: string,
  digest: string,
  signal: AbortSignal,
): Promise<EnvironmentReply> {
  const stream = await network.open(peer, ENVIRONMENTS_PROTOCOL, "control", signal);
  try {
    await writeMessage(stream, EnvironmentRequest.parse({ type: "ask", digest }), READ.timeoutMs, signal);
    const reply = await readMessage(stream, EnvironmentReply, READ, signal);
    if (reply === undefined) throw new FarmError("PEER_BROKE_PROTOCOL", "the peer ended the stream without an answer");
    await stream.close();
    return reply;
  } catch (error) {
    stream.abort(error as Error);
    throw error;
  }
}
