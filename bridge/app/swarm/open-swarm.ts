import type { Home } from "../../config/home.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { SwarmNetwork } from "../../protocols/frame-stream.ts";

export interface SwarmOptions {
  readonly swarm: string;
  readonly bootstrap: readonly string[];
  readonly listen?: readonly string[];
  readonly lan?: boolean;
}

/** Starts this node, with the identity of `home` (locked by the caller), or with one for this run only. libp2p is loaded here and not earlier, so that `--help` stays fast. */
export async function openSwarm(
  home: Pick<Home, "root"> | undefined,
  options: SwarmOptions,
  deps: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): Promise<SwarmNetwork & AsyncDisposable> {
  const { openNode } = await import("../../network/node/node.ts");
  const { listen, bootstrap, swarm, lan } = options;
  return await openNode(
    {
      home: home?.root,
      swarm,
      bootstrap: [...bootstrap],
      ...(listen && listen.length > 0 ? { listen: [...listen] } : {}),
      ...(lan === undefined ? {} : { lan }),
    },
    deps,
    signal,
  );
}
