/** Reads addresses of peers that a user named, before any work. Throws PEER_ADDRESS_INVALID. libp2p is loaded only if there are any. */
export async function checkPeerAddresses(...lists: readonly (readonly string[] | undefined)[]): Promise<void> {
  const texts = lists.flatMap((list) => list ?? []);
  if (texts.length === 0) return;
  const { parsePeerTarget } = await import("../../network/peer-address.ts");
  for (const text of texts) parsePeerTarget(text);
}
