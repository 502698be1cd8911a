import PQueue from "p-queue";
import { thisCpuArch } from "../../blender/device-class.ts";
import type { Home } from "../../config/home.ts";
import type { EnvironmentStore } from "../../content/environments/environment-store.ts";
import { type LocalEnvironments, sameBuild } from "../../core/admission.ts";
import { ENVIRONMENT_LABELS, factsFromLabels } from "../../core/environments/facts.ts";
import { mayRun } from "../../core/environments/may-run.ts";
import type { Terms } from "../../core/terms/terms.ts";
import type { Environments } from "../../database/types.ts";
import type { DonorEnvironments, OwnerPolicy, SandboxEnvironment } from "../../donor/ports.ts";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/world.ts";
import { askEnvironment } from "../../protocols/environments/environments.ts";
import { signedText } from "../../protocols/environments/messages.ts";
import type { SwarmNetwork } from "../../protocols/frame-stream.ts";
import { type EngineImage, ImageEngine } from "../../sandbox/images/image-engine.ts";
import type { OwnedDonorStore } from "../donate/donor-store.ts";
import { serveEnvironments } from "./serve-environments.ts";
import { EnvironmentQuota } from "./environment-quota.ts";
import { type FetchedEnvironment, type FetchEnvironmentPorts, fetchEnvironment } from "./fetch-environment.ts";

export interface DonorEnvironmentsDeps {
  readonly world: World;
  readonly home: Home;
  readonly engine: ImageEngine;
  readonly network: SwarmNetwork;
  readonly environments: Environments;
  readonly owner: Pick<OwnerPolicy, "terms">;
  readonly store: OwnedDonorStore;
}

type FetchInputsRequest = Parameters<DonorEnvironments["bring"]>[0];

/** Failures that would repeat under the same terms. */
const FINAL = ["ENVIRONMENT_REFUSED", "ENVIRONMENT_INVALID", "NO_MATCHING_BLENDER"] as const;

/** A donor's environments: fetched when jobs name them, within the owner's terms, and seeded to other peers. */
export async function donorEnvironments(options: Omit<DonorEnvironmentsDeps, "engine">): Promise<DonorEnvironments> {
  const deps = { ...options, engine: await ImageEngine.open() };
  const contents = await serveEnvironments(deps.network, deps.home, deps.environments);
  await contents.sweep(deps.world.clock.now());
  deps.store.alsoServe(contents);
  const images = await deps.engine.list(`${ENVIRONMENT_LABELS.mark}=1`);
  const digests = images.map((image) => deps.engine.knownDigestOf(image)).filter((digest) => digest !== undefined);
  return new EngineEnvironments(deps, contents, digests);
}

/** Without its own environment a donor can only work in those that its owner allows. Throws ENVIRONMENT_MISSING. */
export function requireEnvironments({ environments, own }: Pick<Terms, "environments" | "own">): void {
  if (environments.length === 0 && own.length === 0)
    throw new FarmError("ENVIRONMENT_MISSING", "no environment is on this machine's container engine, and its owner allows none of others");
}

class EngineEnvironments implements DonorEnvironments {
  readonly #deps: DonorEnvironmentsDeps;
  readonly #contents: EnvironmentStore;
  readonly #room: EnvironmentQuota;
  /** Two jobs that name the same one fetch it once. */
  readonly #queue = new PQueue({ concurrency: 1 });
  /** The engine had them when the donor started. */
  readonly #found: readonly string[];
  readonly #refused = new Map<string, { readonly reason: string; readonly under: string }>();

  constructor(deps: DonorEnvironmentsDeps, contents: EnvironmentStore, found: readonly string[]) {
    this.#deps = deps;
    this.#found = found;
    this.#contents = contents;
    const { world, engine, environments, owner, store } = deps;
    const givenBytes = () => owner.terms().diskBytes - store.usedBytes;
    this.#room = new EnvironmentQuota({ engine, contents, environments, clock: world.clock, givenBytes });
  }

  now(): LocalEnvironments {
    const here = new Set([...this.#found, ...this.#deps.environments.list().map(({ digest }) => digest)]);
    const under = this.#termsNow();
    const refused = [...this.#refused].filter(([, refusal]) => refusal.under === under);
    return { here, refused: new Map(refused.map(([digest, { reason }]) => [digest, reason])), arch: thisCpuArch("linux") };
  }

  async bring(
    request: FetchInputsRequest,
    signal: AbortSignal,
    onProgress: (done: number, total: number) => void,
  ): Promise<SandboxEnvironment> {
    const under = this.#termsNow();
    try {
      return await this.#queue.add(() => this.#bring(request, signal, onProgress), { signal });
    } catch (error) {
      const isFinal = isFarmError(error) && FINAL.some((code) => code === error.code);
      if (isFinal && error.facts["verdict"] !== "ask") this.#refused.set(request.digest, { reason: error.message, under });
      throw error;
    }
  }

  async #bring({ digest, build, sources }: FetchInputsRequest, signal: AbortSignal, onProgress: (done: number, total: number) => void) {
    const obtained = await fetchEnvironment({ digest, sources }, this.#ports(), signal, onProgress);
    const { image } = obtained;
    const facts = factsFromLabels(image.labels);
    if (facts === undefined) throw new FarmError("ENVIRONMENT_INVALID", "the image of this job is no environment");
    this.#record(digest, obtained);
    this.#room.use(digest);
    const { blenderPath: path, blenderVersion: version, buildHash } = facts;
    if (sameBuild(facts, build)) return { image: image.id, blender: { path, version, buildHash } };
    const message = `the environment has Blender ${version} (${buildHash}), and the job needs ${build.blenderVersion} (${build.buildHash})`;
    throw new FarmError("NO_MATCHING_BLENDER", message);
  }

  /** Fetched environments are seeded to the swarm. */
  #record(digest: string, { image, bytesFrom }: Pick<FetchedEnvironment, "bytesFrom"> & { readonly image: EngineImage }): void {
    const facts = factsFromLabels(image.labels);
    if (facts === undefined || this.#deps.environments.get(digest)) return;
    const isFetched = bytesFrom.size > 0;
    const origin = isFetched ? [...bytesFrom.keys()] : ("built" as const);
    this.#deps.environments.put({ digest, facts, bytes: image.bytes, addedAt: this.#deps.world.clock.now(), origin, isShared: isFetched });
  }

  #ports(): FetchEnvironmentPorts {
    const { world, engine, network, owner, store } = this.#deps;
    return {
      engine,
      store: this.#contents,
      world,
      ask: ({ id }, digest, signal) => askEnvironment(network, id, digest, signal),
      open: store.openBlocks,
      pieceBytes: store.pieceBytes,
      isSigned: async (digest, signature) => (await import("../../network/node/signing.ts")).verifySignature(signedText(digest), signature),
      policy: (asked) => mayRun(asked, owner.terms()),
      makeRoom: (neededBytes) => this.#room.make(neededBytes),
    };
  }

  #termsNow(): string {
    const { environments, own } = this.#deps.owner.terms();
    return [...environments, "own", ...own].join(" ");
  }
}
