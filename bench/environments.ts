import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDonorStore } from "../bridge/app/donate/donor-store.ts";
import { buildEnvironment } from "../bridge/app/environments/build-environment.ts";
import { shareEnvironment } from "../bridge/app/environments/environment-catalog.ts";
import { serveEnvironments } from "../bridge/app/environments/serve-environments.ts";
import { fetchEnvironment } from "../bridge/app/environments/fetch-environment.ts";
import { openHome } from "../bridge/config/home.ts";
import { EnvironmentStore } from "../bridge/content/environments/environment-store.ts";
import { openDatabase } from "../bridge/database/open-database.ts";
import { systemWorld } from "../bridge/kernel/world.ts";
import { silentLog } from "../bridge/kernel/log.ts";
import { addressOf, never, TestNodes } from "../bridge/test/network/test-nodes.ts";
import type { SwarmNode } from "../bridge/network/node/node.ts";
import { BLOCKS_PROTOCOL } from "../bridge/protocols/blocks/messages.ts";
import { askEnvironment } from "../bridge/protocols/environments/environments.ts";
import { startSecondEngine } from "../bridge/test/second-engine.ts";

/**
 * How long a donor takes to get an environment that it lacks, and one that it has: the environment of this machine's Blender, two
 * peers over loopback, a second engine. `node bench/environments.ts`, as root on Linux.
 */

const root = await mkdtemp(join(tmpdir(), "p2p-bench-"));
await using stack = new AsyncDisposableStack();
stack.defer(() => rm(root, { recursive: true, force: true }));
const far = stack.use(await startSecondEngine());
const nodes = stack.use(new TestNodes());

const seconds = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
  const startMs = performance.now();
  const made = await work();
  return [made, Math.round(performance.now() - startMs) / 1_000];
};

const home = await openHome(systemWorld.disk, join(root, "one"));
const [{ digest }, built] = await seconds(() => buildEnvironment(systemWorld, { home }, () => {}, never()));
const [, shared] = await seconds(() => shareEnvironment(home, digest, () => {}, never()));

/** A node that shares a copy of the home's environment. */
async function sharer(name: string): Promise<SwarmNode> {
  const own = await openHome(systemWorld.disk, join(root, name));
  await cp(home.environments, own.environments, { recursive: true });
  await using listed = openDatabase(home.database);
  const database = stack.use(openDatabase(own.database));
  for (const row of listed.environments.list()) database.environments.put(row);
  const node = await nodes.open();
  const places = { blocks: own.blocks, scenes: own.scenes, capBytes: 2 ** 20, upload: () => undefined, download: () => undefined };
  const store = await startDonorStore(node, places, { world: systemWorld, log: silentLog });
  store.alsoServe(await serveEnvironments(node, own, database.environments));
  return node;
}

const peers = await Promise.all(["two", "three"].map(sharer));
const asker = await nodes.open();
const obtain = (fetched: (bytes: number) => void) =>
  fetchEnvironment(
    { digest, sources: () => peers.map((node) => ({ id: node.selfId, addrs: [addressOf(node)] })) },
    {
      engine: far.images,
      store: new EnvironmentStore(join(root, "asker")),
      world: systemWorld,
      ask: ({ addrs: [address = ""] }, wanted, signal) => askEnvironment(asker, address, wanted, signal),
      open: ({ addrs: [address = ""] }, signal) => asker.open(address, BLOCKS_PROTOCOL, "bulk", signal),
      isSigned: async () => false,
      policy: () => ({ verdict: "accept" }),
      makeRoom: async () => 2 ** 40,
    },
    never(),
    fetched,
  );

let bytes = 0;
let fetchedMs = 0;
const startMs = performance.now();
const [{ image }, lacking] = await seconds(() =>
  obtain((done) => {
    bytes = done;
    fetchedMs = performance.now();
  }),
);
const [, present] = await seconds(() => obtain(() => {}));
const fetching = Math.round(fetchedMs - startMs) / 1_000;
console.log(
  JSON.stringify({ digest, unpackedBytes: image.bytes, sentBytes: bytes, seconds: { built, shared, fetching, lacking, present } }, null, 2),
);
