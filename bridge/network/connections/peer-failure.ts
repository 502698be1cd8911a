import { FarmError, isFarmError, messageOf } from "../../kernel/errors.ts";

/** Converts the library's dial errors to ours. The caller's own abort keeps its reason. */
export function peerFailure(error: unknown, peer: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (isFarmError(error)) return error;
  const name = error instanceof Error ? error.name : "";
  if (name === "UnsupportedProtocolError") {
    return new FarmError("PEER_BROKE_PROTOCOL", `the peer ${peer} does not speak our protocol`, { facts: { peer }, cause: error });
  }
  return new FarmError("PEER_UNREACHABLE", `cannot reach ${peer}: ${reasonOf(error)}`, { facts: { peer }, cause: error });
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].slice(0, 3).join("; ") || messageOf(error);
  const { name, code } = error as { name?: string; code?: unknown };
  switch (name) {
    case "NoValidAddressesError":
      return "no address of it is known";
    case "TimeoutError":
    case "AbortError":
      return "no answer in time";
    case "EncryptionFailedError":
      return handshakeReason(messageOf(error));
    default:
      return typeof code === "string" ? code : messageOf(error);
  }
}

/** The library gives all handshake errors the same name; only the text differs. */
function handshakeReason(text: string): string {
  if (text.includes("expected remote identity")) return "another peer answers there";
  if (text.includes("aborted")) return "no answer in time";
  return "the program at this address is not one of our nodes";
}
