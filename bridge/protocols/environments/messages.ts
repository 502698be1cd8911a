import { z } from "zod";
import { Sha256 } from "../../core/sha256.ts";

export const ENVIRONMENTS_PROTOCOL = "/p2p-render/environments/1.0.0";

/** Limits on every number that a peer sends. Used by the rules E1 and following in SPEC.md. */
export const ENVIRONMENTS_LIMITS = {
  maxMessageBytes: 8 * 1024,
  replyTimeoutMs: 5_000,
  maxInboundStreamsPerPeer: 4,
  maxManifestBytes: 2 * 1024 * 1024,
  maxSignatures: 8,
} as const;

export const EnvironmentRequest = z.strictObject({ type: z.literal("ask"), digest: Sha256 });

/** A peer's signature that vouches for an environment. It counts only when it is valid and the signer is trusted. */
export const EnvironmentSignature = z.strictObject({
  /** The peer id, which holds the Ed25519 key. */
  signer: z.string().regex(/^12D3Koo[A-Za-z0-9]{45}$/),
  /** Base64, of the text that `signedText` makes. */
  signature: z.string().regex(/^[A-Za-z0-9+/]{86}==$/),
});
export type EnvironmentSignature = z.infer<typeof EnvironmentSignature>;

export const EnvironmentReply = z.discriminatedUnion("type", [
  /** The manifest can be fetched by the blocks protocol. */
  z.strictObject({
    type: z.literal("environment"),
    manifest: Sha256,
    manifestBytes: z.int().min(1).max(ENVIRONMENTS_LIMITS.maxManifestBytes),
    signatures: z.array(EnvironmentSignature).max(ENVIRONMENTS_LIMITS.maxSignatures).readonly(),
  }),
  /** It is not available, or not shared. */
  z.strictObject({ type: z.literal("none") }),
]);
export type EnvironmentReply = z.infer<typeof EnvironmentReply>;
export type OfferedEnvironment = Extract<EnvironmentReply, { type: "environment" }>;

/** The signed text: the digest covers the whole image, and the first line prevents other uses of the signature. */
export function signedText(digest: string): string {
  return `p2p-render environment\nsha256:${digest}\n`;
}
