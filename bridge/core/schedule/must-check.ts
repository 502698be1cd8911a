import { type Sha256, sha256 } from "../../kernel/ids.ts";
import type { ChunkId } from "../plan/chunk.ts";
import type { SchedulePolicy } from "./types.ts";

export interface ArrivedResult {
  readonly chunk: ChunkId;
  readonly trusted: boolean;
  /** Which result of this donor it is, from 1. */
  readonly nth: number;
  readonly sha256: Sha256;
  readonly suspicious: boolean;
}

/**
 * Whether a result is checked before it is accepted. The choice depends on the chunk, on the result's own hash, to
 * which the donor has committed, and on the requester's secret: it is repeatable, but unpredictable. Equal files for every
 * chunk (equal frames, or a donor that does not render) are chosen as often as different ones.
 */
export function mustCheck(result: ArrivedResult, policy: Pick<SchedulePolicy, "verify" | "secret" | "spotFirst" | "spotOneIn">): boolean {
  if (result.trusted) return false;
  if (result.suspicious || policy.verify === "full") return true;
  if (policy.verify === "off") return false;
  return result.nth <= policy.spotFirst || drawNumber(policy.secret, result) % policy.spotOneIn === 0;
}

function drawNumber(secret: string, { chunk, sha256: hash }: ArrivedResult): number {
  return Number.parseInt(sha256(Buffer.from(`${secret}\n${chunk}\n${hash}`)).slice(0, 8), 16);
}
