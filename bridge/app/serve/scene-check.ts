import { resolve } from "node:path";
import { inspectScene } from "../../blender/inspect/inspect-scene.ts";
import type { Inspection } from "../../blender/types.ts";
import { sameBuild } from "../../core/admission.ts";
import { isTileable } from "../../core/plan/plan-shape.ts";
import type { SceneCheck, SwarmStatus } from "../../gateway/wire/messages.ts";
import { isFarmError } from "../../kernel/errors.ts";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";
import type { ChosenBlender } from "../job/blender-slots.ts";
import type { Scratch } from "../job/scratch.ts";

type Finding = SceneCheck["findings"][number];

export interface SceneCheckDeps {
  readonly scratch: Scratch;
  readonly blender: ChosenBlender;
  readonly swarm: () => Promise<SwarmStatus>;
}

/** Inspects a scene as a job would, and returns what would fail or differ from what is expected. */
export async function checkScene(
  { scratch, blender, swarm }: SceneCheckDeps,
  scene: { readonly path: string; readonly name: string | undefined },
  signal: AbortSignal,
): Promise<SceneCheck> {
  const options = {
    blender: blender.build,
    scenePath: resolve(scene.path),
    flags: scene.name === undefined ? {} : { scene: scene.name },
    scratch: await scratch.folder("look"),
  };
  try {
    const looking = swarm();
    looking.catch(() => {}); // the scene comes first
    const inspection = await inspectScene({ start: startPlainProcess }, options, signal);
    return {
      findings: [...findingsOf(inspection, blender), ...aboutPeers(await looking, blender)],
      facts: factsOf(inspection),
    };
  } catch (error) {
    if (!isFarmError(error) || signal.aborted) throw error;
    return { findings: [{ level: "error", code: error.code, message: error.message, advice: error.advice }], facts: null };
  }
}

function findingsOf({ facts }: Inspection, blender: ChosenBlender): Finding[] {
  const lacksDenoiser = facts.scenes.some(({ denoised }) => denoised) && !facts.hasDenoiser;
  return [
    ...(lacksDenoiser
      ? [finding("error", "DENOISER_MISSING", `Blender ${blender.build.version} on this machine is built without the denoiser`)]
      : []),
    ...facts.warnings.map(({ code, message }) => finding("warning", code, message)),
    ...facts.scenes.flatMap(({ untileable }) => untileable.map(({ code, message }) => finding("info", code, message))),
    ...facts.scenes.flatMap(({ inOrder }) => (inOrder ? [finding("info", inOrder.code, inOrder.message)] : [])),
  ];
}

function aboutPeers({ peers }: SwarmStatus, { deviceClass }: ChosenBlender): Finding[] {
  if (peers.length === 0)
    return [finding("info", "no-peers", "There are no other peers in the swarm at the moment: this computer renders alone.")];
  const build = { blenderVersion: deviceClass.blenderVersion, buildHash: deviceClass.buildHash };
  const fitting = peers.filter(({ builds }) =>
    builds.some(({ version, buildHash }) => sameBuild({ blenderVersion: version, buildHash }, build)),
  );
  if (fitting.length > 0) return [];
  const theirs = [...new Set(peers.flatMap(({ builds }) => builds.map(({ version }) => version)))].join(", ") || "none";
  const message = `No peer has this build of Blender ${build.blenderVersion} (they have: ${theirs}): this computer renders alone.`;
  return [finding("warning", "no-peer-build", message, "Install the same Blender there as on this computer.")];
}

function finding(level: Finding["level"], code: string, message: string, advice: string | null = null): Finding {
  return { level, code, message, advice };
}

function factsOf({ facts, files }: Inspection): SceneCheck["facts"] {
  const main = facts.scenes.find(({ name }) => name === facts.scene);
  if (!main) return null;
  const { engine, width, height, samples } = main;
  const { scene, frameStart, frameEnd, frameStep, blenderVersion } = facts;
  const raw = facts.scenes.every((each) => each.engine === "CYCLES");
  const tiles = isTileable(main, false);
  return {
    scene,
    engine,
    width,
    height,
    samples,
    frameStart,
    frameEnd,
    frameStep,
    tiles,
    raw,
    blender: blenderVersion,
    files: files.length,
  };
}
