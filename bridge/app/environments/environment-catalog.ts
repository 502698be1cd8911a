import type { Home } from "../../config/home.ts";
import { contentsOf, type EnvironmentManifest } from "../../content/environments/environment-manifest.ts";
import { EnvironmentStore } from "../../content/environments/environment-store.ts";
import { cutLayer } from "../../content/environments/layer-blocks.ts";
import { environmentName, matchesEnvironment } from "../../core/environments/facts.ts";
import { openDatabase } from "../../database/open-database.ts";
import type { Database, EnvironmentRow } from "../../database/types.ts";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/ids.ts";
import { signedText } from "../../protocols/environments/messages.ts";
import { ImageEngine } from "../../sandbox/images/image-engine.ts";
import { dropEnvironment } from "./drop-environment.ts";

/** An environment as listed for its owner. */
export interface ListedEnvironment extends EnvironmentRow {
  readonly name: string;
  /** The engine has it; undefined when no engine answers. */
  readonly isHere: boolean | undefined;
  /** Bytes that a peer without any of its layers would fetch; undefined when it is not shared. */
  readonly sentBytes: number | undefined;
}

type OnLayer = (layersDone: number, bytesDone: number) => void;

/** The environments of this home, newest first. */
export async function listEnvironments(home: Home): Promise<readonly ListedEnvironment[]> {
  const engine = await ImageEngine.open().catch((error: unknown) => {
    if (isFarmError(error, "SANDBOX_UNAVAILABLE")) return undefined;
    throw error;
  });
  await using database = openDatabase(home.database);
  const store = new EnvironmentStore(home.environments);
  return await Promise.all(
    database.environments.list().map(async (row) => {
      const manifest = row.isShared ? await store.manifestOf(row.digest) : undefined;
      return {
        ...row,
        name: environmentName(row.facts, row.digest),
        isHere: engine && (await engine.findEnvironment(row.digest)) !== undefined,
        sentBytes: manifest && contentsOf(manifest).reduce((sum, { bytes }) => sum + bytes, 0),
      };
    }),
  );
}

/** Finds an environment by name, digest, digest prefix, or a Blender version that only one has. Throws ENVIRONMENT_MISSING. */
export function findEnvironmentRow({ environments }: Pick<Database, "environments">, reference: string): EnvironmentRow {
  const [found, ...others] = environments.list().filter(({ facts, digest }) => matchesEnvironment(reference, facts, digest));
  if (found === undefined) throw new FarmError("ENVIRONMENT_MISSING", `there is no environment "${reference}"`);
  if (others.length === 0) return found;
  const names = [found, ...others].map((row) => environmentName(row.facts, row.digest)).join(", ");
  throw new FarmError("ENVIRONMENT_MISSING", `"${reference}" matches several environments`, { advice: `Name one: ${names}.` });
}

/** Shares an environment with peers: cuts it into blocks and signs it with this node's key. Does nothing if it is shared already. */
export async function shareEnvironment(home: Home, reference: string, onLayer: OnLayer, signal: AbortSignal): Promise<EnvironmentRow> {
  await using database = openDatabase(home.database);
  const row = findEnvironmentRow(database, reference);
  const store = new EnvironmentStore(home.environments);
  if (!(await isWhole(store, row.digest))) {
    const manifest = await cutImage(row.digest, store, onLayer, signal);
    const { sign: signAs } = await import("../../network/node/signing.ts");
    await store.keep(manifest, [await signAs(home.root, signedText(row.digest))]);
  }
  database.environments.setShared(row.digest, true);
  return { ...row, isShared: true };
}

/** Stops sharing it and removes its blocks. */
export async function unshareEnvironment(home: Home, reference: string): Promise<EnvironmentRow> {
  await using database = openDatabase(home.database);
  const row = findEnvironmentRow(database, reference);
  database.environments.setShared(row.digest, false);
  await new EnvironmentStore(home.environments).remove(row.digest);
  return { ...row, isShared: false };
}

/** Removes an environment from the engine, the block store and the catalog. Throws ENVIRONMENT_BUSY while work runs in it. */
export async function removeEnvironment(home: Home, reference: string): Promise<EnvironmentRow> {
  await using database = openDatabase(home.database);
  const row = findEnvironmentRow(database, reference);
  const places = {
    engine: await ImageEngine.open(),
    contents: new EnvironmentStore(home.environments),
    environments: database.environments,
  };
  await dropEnvironment(places, row.digest);
  return row;
}

async function isWhole(store: EnvironmentStore, digest: string): Promise<boolean> {
  const manifest = await store.manifestOf(digest);
  return manifest !== undefined && contentsOf(manifest).every(({ hash }) => store.has(hash));
}

/** Copies an environment from the engine into the store, without its manifest. */
async function cutImage(digest: string, store: EnvironmentStore, onLayer: OnLayer, signal: AbortSignal): Promise<EnvironmentManifest> {
  const engine = await ImageEngine.open();
  const image = await engine.findEnvironment(digest);
  if (image === undefined) throw new FarmError("ENVIRONMENT_MISSING", "the engine no longer has this environment");
  let layersDone = 0;
  let bytesDone = 0;
  const take = async (tar: AsyncIterable<Uint8Array>) => {
    const layer = await cutLayer(tar, (hash, bytes) => store.put(hash, bytes), signal);
    onLayer(++layersDone, (bytesDone += layer.bytes));
    return layer;
  };
  const { config, layers } = await engine.save(image.id, take, signal);
  if (sha256(config) !== digest) throw new FarmError("ENVIRONMENT_INVALID", "the engine returned another image than the requested one");
  await store.put(digest, config);
  return { version: 1, digest, configBytes: config.length, layers: [...layers] };
}
