import { join } from "node:path";
import { deviceClassOf, findBlenders } from "../../blender/find/find-blender.ts";
import type { BlenderProcess } from "../../blender/blender-process.ts";
import { inspectAndKeep } from "../../blender/inspect/inspect-scene.ts";
import { openSession } from "../../blender/render/session.ts";
import type { BlenderBuild, BlenderSession, StartProcess } from "../../blender/types.ts";
import type { Home } from "../../config/home.ts";
import type { DeviceClass } from "../../core/plan/chunk.ts";
import type { GpuUse } from "../../core/gpu/cycles-devices.ts";
import type { SceneOnDisk, WarmSession } from "../../donor/ports.ts";
import { RenderSlots } from "../../donor/render-slots.ts";
import { FarmError, isFarmError, messageOf } from "../../kernel/errors.ts";
import type { PreparePorts } from "../../requester/prepare/prepare-job.ts";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";
import type { Scratch } from "./scratch.ts";

const start = startPlainProcess;

export interface ChosenBlender {
  readonly build: BlenderBuild;
  readonly deviceClass: DeviceClass;
}

/** Every Blender of this machine that can work, newest first; or just the one named. Throws BLENDER_NOT_FOUND. */
export async function findLocalBlenders(home: Home, explicit: string | undefined, signal: AbortSignal): Promise<readonly ChosenBlender[]> {
  const builds = await findBlenders(
    { start },
    { cacheFile: join(home.cache, "blenders.json"), ...(explicit === undefined ? {} : { explicit }) },
    signal,
  );
  if (builds.length === 0) throw new FarmError("BLENDER_NOT_FOUND", "no Blender was found on this machine");
  return builds.map((build) => ({ build, deviceClass: deviceClassOf(build) }));
}

export interface SlotOptions {
  readonly slots: number;
  /** Render threads of each; asked when a session is opened. */
  readonly threads?: () => number;
  /** Keeps the scratch folders of several kinds of slots apart. */
  readonly purpose: string;
  /** Floats stay on this machine: not worth packing. */
  readonly local?: boolean;
  readonly around?: (session: WarmSession) => WarmSession;
  /** How a Blender for a scene is started, `scratch` being its folder, with the GPUs of a slot; as a plain process when not said. */
  readonly startFor?: (scene: SceneOnDisk, scratch: string, gpusOf: number | undefined) => StartProcess;
  /** Scenes are strangers'; to be said for every kind of slot. */
  readonly untrusted: boolean;
  /** What each slot renders on; on the CPU when not said. */
  readonly devices?: SlotDevices;
}

/** Which GPUs the slots of a donor have. */
export interface SlotDevices {
  useOf(slot: number): GpuUse | undefined;
  /** Told of every new Blender: why it renders on the CPU after all, if it does. @returns the class that its results are of, where there is a Blender. */
  opened(slot: number, fellBack: string | undefined): DeviceClass | undefined;
}

/** Warm render places of this machine. */
export function renderSlots(
  scratch: Pick<Scratch, "folder" | "remove">,
  blender: ChosenBlender | undefined,
  options: SlotOptions,
): RenderSlots {
  const { around = (session) => session, startFor = () => start, untrusted } = options;
  let count = 0;
  const open = async (slot: number, scene: SceneOnDisk, signal: AbortSignal) => {
    const folder = await scratch.folder(`${options.purpose}-${slot}-${count++}`);
    const threads = options.threads === undefined ? {} : { threads: options.threads() };
    const floatCodec = options.local ? "NONE" : "ZIP";
    const build = scene.environment ? { ...scene.environment.blender, hasDenoiser: false } : blender?.build;
    if (build === undefined) throw new FarmError("BLENDER_NOT_FOUND", "the job names no environment, and there is no Blender here");
    const sessionOptions = { blender: build, scratch: folder, floatCodec, untrusted, ...threads } as const;
    const openOn = async (gpu: GpuUse | undefined) => {
      const start = startFor(scene, folder, gpu === undefined ? undefined : slot);
      return await openSession({ start }, { ...sessionOptions, ...(gpu && { gpu }) }, signal);
    };
    // GPUs were tried with this donor's own Blender: another one, of an environment that a job names, renders on the CPU.
    const devices = scene.environment ? undefined : options.devices;
    try {
      const { session, fellBack } = await withFallback(devices?.useOf(slot), openOn);
      return around(wipedAfter(session, () => scratch.remove(folder), devices?.opened(slot, fellBack)));
    } catch (error) {
      await scratch.remove(folder);
      throw error;
    }
  };
  return new RenderSlots({ openSession: open }, { slots: options.slots });
}

/** A GPU that a sandbox cannot be given, or that its Blender does not see, leaves the CPU. */
async function withFallback(gpu: GpuUse | undefined, open: (gpu: GpuUse | undefined) => Promise<BlenderSession>) {
  try {
    const session = await open(gpu);
    return { session, fellBack: session.fellBack };
  } catch (error) {
    if (gpu === undefined || !isFarmError(error, "GPU_MISSING")) throw error;
    return { session: await open(undefined), fellBack: messageOf(error) };
  }
}

/** Nothing of a scene stays in the scratch folder when its Blender is gone, however it went. */
function wipedAfter(session: WarmSession, wipe: () => Promise<void>, deviceClass: DeviceClass | undefined): WarmSession {
  const wiped = session.exited.then(wipe);
  return {
    load: (path, options, signal) => session.load(path, options, signal),
    render: async (spec, signal) => ({ ...(await session.render(spec, signal)), ...(deviceClass && { deviceClass }) }),
    exited: session.exited,
    close: async () => {
      await session.close();
      await wiped;
    },
  };
}

/** The Blender that looked at the scene, kept open until pictures are finished. */
export class InspectionBlender implements AsyncDisposable {
  readonly #started = Promise.withResolvers<void>();
  #opened: BlenderProcess | undefined;

  /** Its process is there: what keeps this one busy may begin. Never, when it could not be started. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Looks at a scene with one Blender, which then waits here. */
  inspector(scratch: Scratch, blender: ChosenBlender, threads: number | undefined): PreparePorts["inspect"] {
    return async ({ scenePath, flags, cwd, frames }, signal) => {
      const options = {
        blender: blender.build,
        scenePath,
        flags,
        cwd,
        scratch: await scratch.folder("scene"),
        ...(frames === undefined ? {} : { frames }),
        ...(threads === undefined ? {} : { threads }),
      };
      const startAndTell: StartProcess = async (request) => {
        const running = await start(request);
        this.#started.resolve();
        return running;
      };
      const { inspection, opened } = await inspectAndKeep({ start: startAndTell }, options, signal);
      this.#opened = opened;
      return inspection;
    };
  }

  /** Hands it over, once. */
  take(): BlenderProcess | undefined {
    const opened = this.#opened;
    this.#opened = undefined;
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.take()?.[Symbol.asyncDispose]();
  }
}
