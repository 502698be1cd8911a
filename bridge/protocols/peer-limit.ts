import { type LinkedAbort, childSignal } from "../kernel/abort.ts";
import { FarmError } from "../kernel/errors.ts";
import type { Time } from "../kernel/world.ts";

/**
 * The signal for one wait for a peer: after `limitMs` of silence it aborts with PEER_UNREACHABLE, so that a peer's
 * silence is never mistaken for our own cancellation or a bug; with `parent` it aborts with the parent's reason.
 */
export function peerLimit(parent: AbortSignal, limitMs: number, time: Time): LinkedAbort {
  return childSignal(parent, { ms: limitMs, time, late: peerSilent });
}

function peerSilent(limitMs: number): FarmError {
  return new FarmError("PEER_UNREACHABLE", `the peer was silent for ${limitMs / 1_000} s`, { facts: { limitMs } });
}
