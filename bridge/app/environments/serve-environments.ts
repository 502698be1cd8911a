import type { Home } from "../../config/home.ts";
import { encodeEnvironment } from "../../content/environments/environment-manifest.ts";
import { EnvironmentStore } from "../../content/environments/environment-store.ts";
import type { Environments } from "../../database/types.ts";
import { sha256 } from "../../kernel/ids.ts";
import { answerEnvironment } from "../../protocols/environments/environments.ts";
import { ENVIRONMENTS_LIMITS, ENVIRONMENTS_PROTOCOL, type EnvironmentReply } from "../../protocols/environments/messages.ts";
import type { SwarmNetwork } from "../../protocols/frame-stream.ts";

/** Answers peers' requests for environments: shared ones only. Their blocks are served with all other blocks. */
export async function serveEnvironments(network: SwarmNetwork, home: Home, environments: Environments): Promise<EnvironmentStore> {
  const store = new EnvironmentStore(home.environments);
  const lookUp = (digest: string) => offerOf(digest, store, environments);
  await network.handle(ENVIRONMENTS_PROTOCOL, (stream, _peer, signal) => answerEnvironment(stream, lookUp, signal), {
    maxInboundStreamsPerPeer: ENVIRONMENTS_LIMITS.maxInboundStreamsPerPeer,
  });
  return store;
}

async function offerOf(digest: string, store: EnvironmentStore, environments: Environments): Promise<EnvironmentReply> {
  const manifest = environments.get(digest)?.isShared ? await store.manifestOf(digest) : undefined;
  if (manifest === undefined) return { type: "none" };
  const bytes = encodeEnvironment(manifest);
  return { type: "environment", manifest: sha256(bytes), manifestBytes: bytes.length, signatures: await store.signaturesOf(digest) };
}
