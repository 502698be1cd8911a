import type { PackedBundle } from "../../content/bundle/pack.ts";
import { FarmError, isFarmError } from "../../kernel/errors.ts";
import type { Sha256 } from "../../kernel/ids.ts";
import type { ServedBlocks } from "../../protocols/blocks/ports.ts";
import type { ServePolicy } from "../../protocols/blocks/serve-blocks.ts";
import { SuperSeeding } from "../../protocols/blocks/super-seeding.ts";

export interface SeededSceneCallbacks {
  /** Called with bytes of it that were sent. */
  readonly sent: (bytes: number) => void;
  /** Called when one of its files changed while it is seeded: the job cannot finish correctly. */
  readonly changed: (error: unknown) => void;
}

/** The scene of one job while its blocks are seeded. */
export class SeededScene implements Disposable {
  readonly #bundle: PackedBundle;
  readonly #watch: SeededSceneCallbacks;
  readonly #seeding: SuperSeeding;
  readonly #leave: () => void;
  readonly #hashes: ReadonlySet<Sha256>;
  readonly #welcome = new Set<string>();

  constructor(
    bundle: PackedBundle,
    watch: SeededSceneCallbacks,
    deps: { addressesOf(id: string): Promise<readonly string[]>; leave: () => void },
  ) {
    this.#bundle = bundle;
    this.#watch = watch;
    this.#leave = deps.leave;
    this.#seeding = new SuperSeeding({
      addressesOf: deps.addressesOf,
      broke: (_peer, _hash, error) => isFarmError(error, "SCENE_CHANGED") && watch.changed(error),
    });
    const blocks = bundle.manifest.files.flatMap((file) => file.blocks.map(({ sha256 }) => sha256));
    this.#hashes = new Set([bundle.manifestHash, ...blocks]);
  }

  /** Only peers that the job is opened with may fetch its blocks. */
  admit(peer: string, here: boolean): void {
    if (here) {
      this.#welcome.add(peer);
      this.#seeding.donorHere(peer);
    } else {
      this.#welcome.delete(peer);
      this.#seeding.donorGone(peer);
    }
  }

  mayGive(peer: string, hash: Sha256): boolean {
    return this.#welcome.has(peer) && this.#hashes.has(hash);
  }

  get source(): ServedBlocks {
    return this.#bundle.source;
  }

  policyFor(peer: string): ServePolicy {
    const policy = this.#seeding.policyFor(peer, (hash) => this.mayGive(peer, hash));
    const gave = (hash: Sha256, bytes: number) => {
      this.#watch.sent(bytes);
      policy.gave?.(hash, bytes);
    };
    return { ...policy, gave };
  }

  [Symbol.dispose](): void {
    this.#leave();
  }
}

/** All scenes that this node currently seeds, one per job. A request names a hash, not a job: its scene is found here. */
export class SceneSeeder {
  readonly #scenes = new Set<SeededScene>();

  give(bundle: PackedBundle, watch: SeededSceneCallbacks, addressesOf: (id: string) => Promise<readonly string[]>): SeededScene {
    const scene = new SeededScene(bundle, watch, { addressesOf, leave: () => this.#scenes.delete(scene) });
    this.#scenes.add(scene);
    return scene;
  }

  /** The block source for one peer's stream. */
  servedTo(peer: string): { readonly source: ServedBlocks; readonly policy: ServePolicy } {
    const policies = new Map<SeededScene, ServePolicy>();
    const find = (hash: Sha256) => [...this.#scenes].find((scene) => scene.mayGive(peer, hash));
    const policyOf = (hash: Sha256): ServePolicy | undefined => {
      const scene = find(hash);
      if (!scene) return undefined;
      const policy = policies.get(scene) ?? scene.policyFor(peer);
      policies.set(scene, policy);
      return policy;
    };
    return {
      source: {
        sizeOf: async (hash) => await find(hash)?.source.sizeOf(hash),
        read: async (hash, offset, length, signal) => {
          const scene = find(hash);
          if (!scene) throw new FarmError("BLOCK_MISSING", "its job has just ended");
          return await scene.source.read(hash, offset, length, signal);
        },
      },
      policy: {
        mayHave: (hash) => policyOf(hash)?.mayHave(hash) === true,
        redirect: (hash, force) => policyOf(hash)?.redirect?.(hash, force) ?? [],
        gave: (hash, bytes) => policyOf(hash)?.gave?.(hash, bytes),
        broke: (hash, error) => policyOf(hash)?.broke?.(hash, error),
      },
    };
  }
}
