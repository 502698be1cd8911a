import { FarmError } from "../../kernel/errors.ts";
import { readMessage, writeMessage } from "../codec.ts";
import type { FrameStream, SwarmNetwork } from "../frame-stream.ts";
import { OFFER_LIMITS, OFFER_PROTOCOL, OfferReply, OfferRequest } from "./messages.ts";

const READ = { maxBytes: OFFER_LIMITS.maxMessageBytes, timeoutMs: OFFER_LIMITS.replyTimeoutMs };

/** Serving side: one request, one reply. */
export async function answerOffer(stream: FrameStream, reply: () => OfferReply, signal: AbortSignal): Promise<void> {
  const request = await readMessage(stream, OfferRequest, READ, signal);
  if (request !== undefined) await writeMessage(stream, reply(), READ.timeoutMs, signal);
  await stream.close();
}

/** Requests a peer's offer. Throws PEER_UNREACHABLE, PEER_BROKE_PROTOCOL. */
export async function askOffer(network: Pick<SwarmNetwork, "open">, peer: string, signal: AbortSignal): Promise<OfferReply> {
  const stream = await network.open(peer, OFFER_PROTOCOL, "control", signal);
  try {
    await writeMessage(stream, { type: "ask" }, READ.timeoutMs, signal);
    const reply = await readMessage(stream, OfferReply, READ, signal);
    if (reply === undefined) throw new FarmError("PEER_BROKE_PROTOCOL", "the peer ended the stream without an offer");
    await stream.close();
    return reply;
  } catch (error) {
    stream.abort(error as Error);
    throw error;
  }
}
