import { BLENDER_SCRIPTS } from "../../blender/blender-process.ts";
import { deviceClassOf } from "../../blender/device-class.ts";
import type { StartProcess } from "../../blender/types.ts";
import type { Home } from "../../config/home.ts";
import { blenderIn } from "../../core/environments/facts.ts";
import { containerGpus, type GpuHostConfig } from "../../core/gpu/container-gpus.ts";
import { gpuRefusal } from "../../core/gpu/engine-refusals.ts";
import type { Gpu } from "../../core/gpu/gpu.ts";
import type { SlotSize } from "../../core/terms/terms.ts";
import type { SceneOnDisk } from "../../donor/ports.ts";
import { FarmError, messageOf } from "../../kernel/errors.ts";
import { INSIDE } from "../../sandbox/docker/container-config.ts";
import { ContainerSandbox } from "../../sandbox/docker/container-sandbox.ts";
import { type DockerProbe, probeDocker } from "../../sandbox/docker/docker-probe.ts";
import { startLowPriority } from "../../sandbox/process/low-priority.ts";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";
import { findLocalBlenders, type ChosenBlender } from "../job/blender-slots.ts";
import type { Scratch } from "../job/scratch.ts";

/** How a donor runs scenes of others. */
export type SandboxChoice =
  /** Containers: for strangers. */
  | { readonly kind: "docker"; readonly environment: string | undefined; readonly allowOldRuntime: boolean }
  /** Plain processes with all rights of their user: only for one's own swarm. */
  | { readonly kind: "process"; readonly blender: string | undefined };

/** A donor's sandboxes, and the Blender in them. */
export interface DonorSandbox extends AsyncDisposable {
  /** Undefined if there are only the environments named by jobs. */
  readonly blender: ChosenBlender | undefined;
  /** Path of a scene's folder inside the sandbox; undefined: the same path. */
  readonly seenAt: string | undefined;
  readonly warnings: readonly string[];
  /** Prepares it for the node with this id. @returns how many sandboxes of killed bridges it removed. */
  prepare(node: string, scratch: Scratch): Promise<number>;
  /** The launcher of a Blender for a scene with these GPUs. Throws GPU_MISSING if a sandbox cannot have them. */
  startFor(scene: SceneOnDisk, scratch: string, size: () => SlotSize, gpus: readonly Gpu[]): StartProcess;
  /** Changes the resources of running sandboxes, as far as possible. */
  resize(size: SlotSize): Promise<void>;
}

/** Throws BLENDER_NOT_FOUND, BLENDER_TOO_OLD, SANDBOX_UNAVAILABLE, SANDBOX_UNSAFE, ENVIRONMENT_MISSING. */
export async function openDonorSandbox(home: Home, choice: SandboxChoice, signal: AbortSignal): Promise<DonorSandbox> {
  return choice.kind === "docker" ? await inContainers(choice) : await asProcesses(home, choice.blender, signal);
}

async function inContainers(choice: Extract<SandboxChoice, { kind: "docker" }>): Promise<DonorSandbox> {
  const { environment, allowOldRuntime } = choice;
  const sandbox = await ContainerSandbox.open({ allowOldRuntime, ...(environment === undefined ? {} : { environment }) });
  const build = sandbox.environment && blenderIn(sandbox.environment.facts);
  return {
    blender: build && { build, deviceClass: deviceClassOf(build, "linux") },
    seenAt: INSIDE.scene,
    warnings: sandbox.warnings,
    prepare: async (node, scratch) => await sandbox.prepare({ node, tools: await scratch.folder("tools"), scripts: BLENDER_SCRIPTS }),
    startFor: (scene, scratch, size, gpus) => async (request) => {
      const folders = { scripts: BLENDER_SCRIPTS, scene: folderOf(scene), scratch };
      const image = scene.environment === undefined ? {} : { image: scene.environment.image };
      const devices = gpus.length === 0 ? undefined : devicesIn(gpus, await probeDocker());
      return await sandbox.start({ ...request, ...image }, folders, containerSize(size()), devices).catch((error: unknown) => {
        throw gpus.length === 0 ? error : asGpuRefusal(error);
      });
    },
    resize: async (size) => await sandbox.resize(containerSize(size)),
    [Symbol.asyncDispose]: async () => await sandbox[Symbol.asyncDispose](),
  };
}

async function asProcesses(home: Home, explicit: string | undefined, signal: AbortSignal): Promise<DonorSandbox> {
  const [blender] = await findLocalBlenders(home, explicit, signal);
  if (!blender) throw new FarmError("BLENDER_NOT_FOUND", "no Blender was found on this machine");
  const start = runsAtLowPriority() ? startLowPriority(startPlainProcess) : startPlainProcess;
  return {
    blender,
    seenAt: undefined,
    warnings: [],
    prepare: async () => 0,
    startFor: () => start,
    resize: async () => {}, // a process keeps the threads it was started with
    [Symbol.asyncDispose]: async () => {},
  };
}

/**
 * Plain processes run at the lowest priority. Beside continuous load they get almost no CPU time: a donor that must make progress
 * there (tests on a busy machine) can turn this off by an environment variable; then it cannot distinguish its own load from that of others.
 */
function runsAtLowPriority(): boolean {
  return process.env["BRIDGE_DONOR_PRIORITY"] !== "normal";
}

/** Throws GPU_MISSING. */
function devicesIn(gpus: readonly Gpu[], engine: DockerProbe): GpuHostConfig {
  const support = { nvidiaRuntime: engine.here && engine.runtimes.includes("nvidia"), cdi: engine.here && engine.cdi };
  const devices = containerGpus(gpus, support);
  if ("impossible" in devices) throw new FarmError("GPU_MISSING", devices.impossible);
  return devices;
}

/** An engine reports an unknown GPU only when the container starts. */
function asGpuRefusal(error: unknown): unknown {
  const said = [error, error instanceof Error ? error.cause : undefined].map(messageOf).join("\n");
  const refusal = gpuRefusal(said);
  return refusal ? new FarmError("GPU_MISSING", refusal.message, { advice: refusal.fix, cause: error }) : error;
}

function containerSize({ threads, memoryBytes }: SlotSize) {
  return { cpus: threads, memoryBytes };
}

/** Only the donor's own copy of a scene is mounted in a sandbox. */
function folderOf({ directory }: SceneOnDisk): string {
  if (directory === undefined) throw new Error("a scene without its own folder cannot be mounted in a sandbox");
  return directory;
}
