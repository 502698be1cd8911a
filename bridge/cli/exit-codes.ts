/** Exit codes are a contract: 0 complete, 1 our bug, 2 usage or bad input, 3 incomplete or failed, 130 interrupted. */
export const EXIT = { ok: 0, bug: 1, usage: 2, incomplete: 3, interrupted: 130 } as const;
