/**
 * Cancels a delayed call that the library forgets to cancel when it stops: each keeps the process alive for a second
 * and then fails. Does nothing once the library no longer has it.
 */
export function cancelDelayedCall(owner: unknown, field: "_push" | "_updatePeerStoreAddresses"): void {
  const delayed = (owner as { readonly [name: string]: { stop?: () => void } | undefined } | undefined)?.[field];
  delayed?.stop?.();
}
