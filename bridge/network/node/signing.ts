import { peerIdFromPrivateKey, peerIdFromString } from "@libp2p/peer-id";
import { loadIdentity } from "./identity.ts";

/** A text signed with a node's own key. */
export interface Signed {
  /** The peer id, which holds the public key. */
  readonly signer: string;
  /** Base64. */
  readonly signature: string;
}

/** Signs with the identity of a home. Throws IDENTITY_DAMAGED, HOME_NOT_WRITABLE. */
export async function sign(home: string, text: string): Promise<Signed> {
  const key = await loadIdentity(home);
  const signature = await key.sign(Buffer.from(text));
  return { signer: peerIdFromPrivateKey(key).toString(), signature: Buffer.from(signature).toString("base64") };
}

/** Whether a peer signed this text; false for a peer id that holds no Ed25519 key. */
export async function verifySignature(text: string, { signer, signature }: Signed): Promise<boolean> {
  try {
    const id = peerIdFromString(signer);
    if (id.type !== "Ed25519") return false;
    return await id.publicKey.verify(Buffer.from(text), Buffer.from(signature, "base64"));
  } catch {
    return false;
  }
}
