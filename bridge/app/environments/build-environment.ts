import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Home } from "../../config/home.ts";
import { sameBuild } from "../../core/admission.ts";
import { ENVIRONMENT_LABELS, factsFromLabels, imageLabelsOf } from "../../core/environments/facts.ts";
import { buildArguments, type GpuVendor, recipeFor } from "../../core/environments/recipe.ts";
import { openDatabase } from "../../database/open-database.ts";
import type { EnvironmentRow } from "../../database/types.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import type { Disk } from "../../kernel/disk.ts";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/ids.ts";
import type { World } from "../../kernel/world.ts";
import { type EngineImage, ImageEngine } from "../../sandbox/images/image-engine.ts";
import { findLocalBlenders, type ChosenBlender } from "../job/blender-slots.ts";
import { type BaseImageProgress, resolveBaseImage } from "../../sandbox/images/environment-base.ts";
import { describeImageBlender } from "../../sandbox/images/environment-probe.ts";

const CONTAINERS = fileURLToPath(new URL("../../../containers/", import.meta.url));
const CONTAINERFILE = "blender.Containerfile";
const GPU_CONTAINERFILE = "blender-gpu.Containerfile";

export interface BuildSettings {
  readonly home: Home;
  /** Default: the version of this machine's Blender. */
  readonly blender?: string | undefined;
  /** Of an official build. */
  readonly sha256?: string | undefined;
  readonly gpu?: GpuVendor | undefined;
  readonly base?: string | undefined;
}

export type BuildEvent =
  | { readonly event: "note"; readonly message: string }
  /** A line of output of the current step. */
  | { readonly event: "building"; readonly line: string };

type Observe = (event: BuildEvent) => void;

/**
 * Builds an environment, reads its Blender's description, writes it to the image as labels, and records it. An image built
 * from the same recipe is reused. Throws SANDBOX_UNAVAILABLE, USAGE, BASE_IMAGE_MISSING, ENVIRONMENT_BUILD_FAILED.
 */
export async function buildEnvironment(
  world: Pick<World, "clock" | "disk">,
  settings: BuildSettings,
  observe: Observe,
  signal: AbortSignal,
): Promise<EnvironmentRow> {
  const { home, gpu } = settings;
  const engine = await ImageEngine.open();
  const own = settings.blender === undefined ? await ownBlender(home, signal) : undefined;
  const recipe = recipeFor({ version: settings.blender ?? own?.build.version ?? "", sha256: settings.sha256, gpu });
  const watch = watching(observe);
  const base = await resolveBaseImage(engine, { release: recipe.release, named: settings.base, containers: CONTAINERS }, watch, signal);
  const plain = await buildOnce(
    { disk: world.disk, engine, file: CONTAINERFILE, args: { ...buildArguments(recipe, base.image), ...base.args } },
    watch,
    signal,
  );
  const onGpu = {
    disk: world.disk,
    engine,
    file: GPU_CONTAINERFILE,
    args: { BASE_IMAGE: plain.id, ...base.args },
    ...(gpu === undefined ? {} : { gpu }),
  };
  const image = gpu === undefined ? plain : await buildOnce(onGpu, watch, signal);
  const row = await record({ clock: world.clock, engine }, home, image, signal);
  if (own && !sameBuild(own.deviceClass, row.facts)) watch.note(otherBuild(own, row));
  return row;
}

function otherBuild({ build }: ChosenBlender, { facts }: EnvironmentRow): string {
  const named = (version: string, hash: string) => `${version} (${hash})`;
  return `it has Blender ${named(facts.blenderVersion, facts.buildHash)}, and this machine ${named(build.version, build.buildHash)}: they cannot work on the same job`;
}

/** Records an environment of the engine in this home's catalog. */
async function record(
  { clock, engine }: { readonly clock: Clock; readonly engine: ImageEngine },
  home: Home,
  image: EngineImage,
  signal: AbortSignal,
): Promise<EnvironmentRow> {
  const facts = factsFromLabels(image.labels);
  if (facts === undefined) throw new FarmError("ENVIRONMENT_MISSING", "the image has no labels of an environment");
  const digest = await engine.digestOf(image, signal);
  await using database = openDatabase(home.database);
  const before = database.environments.get(digest);
  const row: EnvironmentRow = before ?? { digest, facts, bytes: image.bytes, addedAt: clock.now(), origin: "built", isShared: false };
  database.environments.put(row);
  return row;
}

function watching(observe: Observe): BaseImageProgress {
  return { note: (message) => observe({ event: "note", message }), line: (line) => observe({ event: "building", line }) };
}

async function ownBlender(home: Home, signal: AbortSignal): Promise<ChosenBlender> {
  try {
    const [newest] = await findLocalBlenders(home, undefined, signal);
    if (newest) return newest;
  } catch (error) {
    if (!isFarmError(error, "BLENDER_NOT_FOUND")) throw error;
  }
  throw new FarmError("USAGE", "no Blender is installed on this machine to take the version from", { advice: "Name one: --blender 4.3." });
}

interface Step {
  readonly disk: Pick<Disk, "readFile">;
  readonly engine: ImageEngine;
  readonly file: string;
  readonly args: Readonly<Record<string, string>>;
  readonly gpu?: GpuVendor;
}

/** An image of a Containerfile with its Blender's labels; an existing one if its recipe is unchanged. */
async function buildOnce(
  { disk, engine, file, args, gpu }: Step,
  { note, line }: BaseImageProgress,
  signal: AbortSignal,
): Promise<EngineImage> {
  const base = await engine.find(args["BASE_IMAGE"] ?? "");
  const recipe = sha256(Buffer.from(JSON.stringify([String(await disk.readFile(join(CONTAINERS, file))), base?.id, args, gpu])));
  const [present] = await engine.list(`${ENVIRONMENT_LABELS.recipe}=${recipe}`);
  if (present) {
    note("already built");
    return present;
  }
  const gpuArgs: Record<string, string> = gpu === undefined ? {} : { GPU: gpu };
  const bare = await engine.build({ from: { folder: CONTAINERS, file }, args: { ...args, ...gpuArgs }, labels: {} }, line, signal);
  note("reading the description of its Blender");
  const facts = await describeImageBlender(engine, bare, { probe: join(CONTAINERS, "probe.py"), gpu }, signal);
  const labels = { ...imageLabelsOf(facts), [ENVIRONMENT_LABELS.recipe]: recipe };
  const image = await engine.find(await engine.build({ from: { text: `FROM ${bare}\n` }, args: {}, labels }, line, signal));
  if (image === undefined) throw new FarmError("ENVIRONMENT_BUILD_FAILED", "the image was removed while it was built");
  await engine.name(image, await engine.digestOf(image, signal));
  return image;
}
