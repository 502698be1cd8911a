import { GATEWAY_LIMITS } from "./wire/limits.ts";

/** A connection request, before any frame is read. */
export interface ConnectionAttempt {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** Names and values alternating, as received, so that repeated headers are visible. */
  readonly rawHeaders: readonly string[];
}

export interface ConnectionGuardPolicy {
  readonly port: number;
  /** Allowed origins, compared exactly. Programs send none; browsers always do. */
  readonly origins: ReadonlySet<string>;
}

export interface ConnectionRefusal {
  readonly status: 403 | 404 | 405;
  readonly reason: string;
}

/**
 * Refuses web pages and requests for other hosts. A page can reach a local port, also under a name of its
 * own that resolves to it (DNS rebinding); but it can neither omit its Origin nor choose its Host.
 */
export function refusalOf(
  { method, url, rawHeaders }: ConnectionAttempt,
  { port, origins }: ConnectionGuardPolicy,
): ConnectionRefusal | undefined {
  const [host, ...otherHosts] = valuesOf(rawHeaders, "host");
  if (host === undefined || otherHosts.length > 0 || !hostsOf(port).includes(host)) {
    return { status: 403, reason: "wrong Host header" };
  }
  if (!valuesOf(rawHeaders, "origin").every((origin, at) => at === 0 && origins.has(origin))) {
    return { status: 403, reason: "web pages may not connect" };
  }
  if (method !== "GET") return { status: 405, reason: "only WebSocket connections are served" };
  if (url !== "/") return { status: 404, reason: "not found" };
  return undefined;
}

/** Literal addresses only: a name can resolve to any address. */
function hostsOf(port: number): readonly string[] {
  return [`127.0.0.1:${port}`, `[::1]:${port}`];
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}

/** Counts wrong tokens: after a few, new clients are refused for a while, against guessing. */
export class AuthFailureLimiter {
  #atMs: readonly number[] = [];

  note(nowMs: number): void {
    this.#atMs = [...this.#recent(nowMs), nowMs];
  }

  areTooMany(nowMs: number): boolean {
    return this.#recent(nowMs).length >= GATEWAY_LIMITS.maxAuthFailures;
  }

  #recent(nowMs: number): readonly number[] {
    return this.#atMs.filter((atMs) => nowMs - atMs < GATEWAY_LIMITS.wrongTokenMs);
  }
}
