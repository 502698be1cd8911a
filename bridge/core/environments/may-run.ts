import type { Terms } from "../terms/terms.ts";
import type { EnvironmentDigest } from "./facts.ts";

/** An environment that a job asks for, as a donor sees it before it is fetched. */
export interface RequestedEnvironment {
  readonly digest: EnvironmentDigest;
  /** It is installed already: its owner built it, or allowed it before. */
  readonly isHere: boolean;
  /** Peer ids whose signatures over it were checked. */
  readonly signedBy: readonly string[];
}

export type EnvironmentVerdict =
  | { readonly verdict: "accept" }
  /** The owner must be asked; until then it is refused. */
  | { readonly verdict: "ask"; readonly reason: string }
  | { readonly verdict: "deny"; readonly reason: string };

type EnvironmentTerms = Pick<Terms, "environments" | "own">;

/** Entries of the term beside digests and peer ids. */
export const ANY_ENVIRONMENT = "any";
export const ASK = "ask";

/**
 * Whether work may run in an environment, and whether it may be fetched for that. The owner's list decides: a
 * digest allows one image, a peer id all images that this peer signed, `any` all, `ask` asks. An owner who listed
 * nothing runs what is installed and what their own machines signed; any other image is an untrusted program.
 */
export function mayRun({ digest, isHere, signedBy }: RequestedEnvironment, { environments, own }: EnvironmentTerms): EnvironmentVerdict {
  const listed = new Set(environments.map((entry) => entry.replace(/^sha256:/, "")));
  const isTrusted = signedBy.some((peer) => listed.has(peer) || own.includes(peer));
  if (listed.has(ANY_ENVIRONMENT) || listed.has(digest) || isTrusted) return { verdict: "accept" };
  const isUnlisted = [...listed].every((entry) => entry === ASK);
  if (isHere && isUnlisted) return { verdict: "accept" };
  const what = `the environment ${digest}`;
  if (listed.has(ASK)) return { verdict: "ask", reason: `its owner has not yet allowed ${what}` };
  if (!isUnlisted) return { verdict: "deny", reason: `its owner allows certain environments only, and not ${what}` };
  return { verdict: "deny", reason: `its owner allows no environments of others, and does not have ${what}` };
}

/** Peer ids of Ed25519 keys, the only ones that nodes have. */
export function isPeerId(text: string): boolean {
  return /^12D3Koo[A-Za-z0-9]{45}$/.test(text);
}

/** The answer about an environment before any signature is known: final only when no signature could change it. */
export function preliminaryEnvironmentVerdict(asked: Omit<RequestedEnvironment, "signedBy">, terms: EnvironmentTerms): EnvironmentVerdict {
  const trusted = [...terms.own, ...terms.environments.filter(isPeerId)];
  return mayRun({ ...asked, signedBy: trusted.slice(0, 1) }, terms);
}
