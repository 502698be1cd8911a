import { join } from "node:path";
import { deviceClassOf, findBlenders } from "../../blender/find/find-blender.ts";
import type { BlenderProcess } from "../../blender/blender-process.ts";
import { inspectAndKeep } from "../../blender/inspect/inspect-scene.ts";
import { openSession } from "../../blender/render/session.ts";
import type { BlenderBuild, BlenderSession, StartProcess } from "../../blender/types.ts";
import type { Home } from "../../config/home.ts";
import type { DeviceClass } from "../../core/plan/chunk.ts";
import type { GpuSelection } from "../../core/gpu/cycles-devices.ts";
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

/** Every usable local Blender, newest first; or only the named one. Throws BLENDER_NOT_FOUND. */
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
  /** Render threads of each; read when a session is opened. */
  readonly threads?: () => number;
  /** Keeps the scratch folders of several kinds of slots apart. */
  readonly purpose: string;
  /** Raw results stay on this machine: not worth compressing. */
  readonly local?: boolean;
  readonly around?: (session: WarmSession) => WarmSession;
  /** The launcher of a Blender for a scene, with its folder `scratch` and the slot's GPUs; default: a plain process. */
  readonly startFor?: (scene: SceneOnDisk, scratch: string, gpusOf: number | undefined) => StartProcess;
  /** Scenes are untrusted; required for every kind of slot. */
  readonly untrusted: boolean;
  /** Each slot's devices; default: the CPU. */
  readonly devices?: SlotDevices;
}

/** The GPUs of a donor's slots. */
export interface SlotDevices {
  useOf(slot: number): GpuSelection | undefined;
  /** Called for every new Blender, with the reason if it falls back to the CPU. @returns the device class of its results, if there is a Blender. */
  opened(slot: number, fellBack: string | undefined): DeviceClass | undefined;
}

/** Render slots of this machine with warm Blenders. */
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
    if (build === undefined)
      throw new FarmError("BLENDER_NOT_FOUND", "the job names no environment, and there is no Blender on this machine");
    const sessionOptions = { blender: build, scratch: folder, floatCodec, untrusted, ...threads } as const;
    const openOn = async (gpu: GpuSelection | undefined) => {
      const start = startFor(scene, folder, gpu === undefined ? undefined : slot);
      return await openSession({ start }, { ...sessionOptions, ...(gpu && { gpu }) }, signal);
    };
    // GPUs were tested with this donor's own Blender: another one, of an environment that a job names, renders on the CPU.
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

/** Falls back to the CPU if a sandbox cannot have the GPU, or its Blender does not see it. */
async function withFallback(gpu: GpuSelection | undefined, open: (gpu: GpuSelection | undefined) => Promise<BlenderSession>) {
  try {
    const session = await open(gpu);
    return { session, fellBack: session.fellBack };
  } catch (error) {
    if (gpu === undefined || !isFarmError(error, "GPU_MISSING")) throw error;
    return { session: await open(undefined), fellBack: messageOf(error) };
  }
}

/** Removes all data of a scene from the scratch folder when its Blender has ended, for any reason. */
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

/** The Blender that inspected the scene, kept open for finishing. */
export class InspectionBlender implements AsyncDisposable {
  readonly #started = Promise.withResolvers<void>();
  #opened: BlenderProcess | undefined;

  /** Resolves once its process runs, so that this process may start busy work. Never, when it could not be started. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Inspects a scene with one Blender, which is then kept here. */
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
