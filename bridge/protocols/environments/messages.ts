import { z } from "zod";
import { Sha256 } from "../../core/sha256.ts";

export const ENVIRONMENTS_PROTOCOL = "/p2p-render/environments/1.0.0";

/** Every number a stranger could choose for us. The rules that use them are E1 and on, in SPEC.md. */
export const ENVIRONMENTS_LIMITS = {
  maxMessageBytes: 8 * 1024,
  replyTimeoutMs: 5_000,
  maxInboundStreamsPerPeer: 4,
  maxManifestBytes: 2 * 1024 * 1024,
  maxSignatures: 8,
} as const;

export const EnvironmentRequest = z.strictObject({ type: z.literal("ask"), digest: Sha256 });

/** Somebody's word that an environment may be run. Worth something only when the signature holds and the signer is trusted. */
export const EnvironmentSignature = z.strictObject({
  /** The peer id, which holds the Ed25519 key. */
  signer: z.string().regex(/^12D3Koo[A-Za-z0-9]{45}$/),
  /** Base64, of the text that `signedText` makes. */
  signature: z.string().regex(/^[A-Za-z0-9+/]{86}==$/),
});
export type EnvironmentSignature = z.infer<typeof EnvironmentSignature>;

export const EnvironmentReply = z.discriminatedUnion("type", [
  /** The manifest is a content of the blocks protocol. */
  z.strictObject({
    type: z.literal("environment"),
    manifest: Sha256,
    manifestBytes: z.int().min(1).max(ENVIRONMENTS_LIMITS.maxManifestBytes),
    signatures: z.array(EnvironmentSignature).max(ENVIRONMENTS_LIMITS.maxSignatures).readonly(),
  }),
  /** It is not here, or not for others. */
  z.strictObject({ type: z.literal("none") }),
]);
export type EnvironmentReply = z.infer<typeof EnvironmentReply>;
export type OfferedEnvironment = Extract<EnvironmentReply, { type: "environment" }>;

/** What is signed: the digest holds the whole image, and the first line keeps a signature from meaning anything else. */
export function signedText(digest: string): string {
  return `p2p-render environment\nsha256:${digest}\n`;
}
