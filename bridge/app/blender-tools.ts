import { rm } from "node:fs/promises";
import { join } from "node:path";
import { deviceClassOf, findBlenders } from "../blender/find-blender.ts";
import type { BlenderProcess } from "../blender/blender-process.ts";
import { inspectAndKeep } from "../blender/inspect-scene.ts";
import { openSession } from "../blender/session.ts";
import type { BlenderBuild, StartProcess } from "../blender/types.ts";
import type { Home } from "../config/home.ts";
import type { DeviceClass } from "../core/chunk.ts";
import type { WarmSession } from "../donor/ports.ts";
import { RenderSlots } from "../donor/render-slots.ts";
import { FarmError } from "../kernel/errors.ts";
import type { PrepareDeps } from "../requester/prepare-job.ts";
import { startPlainProcess } from "../sandbox/process-sandbox.ts";
import type { Scratch } from "./scratch.ts";

const start = startPlainProcess;

export interface ChosenBlender {
  readonly build: BlenderBuild;
  readonly deviceClass: DeviceClass;
}

/** Every Blender of this machine that can work, newest first; or just the one named. Throws BLENDER_NOT_FOUND. */
export async function blendersHere(home: Home, explicit: string | undefined, signal: AbortSignal): Promise<readonly ChosenBlender[]> {
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
  /** How its Blenders are started; as a plain process when not said. */
  readonly start?: StartProcess;
}

/** Warm render places of this machine. */
export function renderSlots(scratch: Scratch, blender: ChosenBlender, options: SlotOptions): RenderSlots {
  const { around = (session) => session } = options;
  let count = 0;
  const open = async (slot: number, signal: AbortSignal) => {
    const folder = await scratch.folder(`${options.purpose}-${slot}-${count++}`);
    const threads = options.threads === undefined ? {} : { threads: options.threads() };
    const floatCodec = options.local ? "NONE" : "ZIP";
    const sessionOptions = { blender: blender.build, scratch: folder, floatCodec, ...threads } as const;
    try {
      return around(wipedAfter(await openSession({ start: options.start ?? start }, sessionOptions, signal), folder));
    } catch (error) {
      await wipe(folder);
      throw error;
    }
  };
  return new RenderSlots({ openSession: open }, { slots: options.slots });
}

/** Nothing of a scene stays in the scratch folder when its Blender is gone, however it went. */
function wipedAfter(session: WarmSession, folder: string): WarmSession {
  const wiped = session.exited.then(() => wipe(folder));
  return {
    load: (path, options, signal) => session.load(path, options, signal),
    render: (spec, signal) => session.render(spec, signal),
    exited: session.exited,
    close: async () => {
      await session.close();
      await wiped;
    },
  };
}

async function wipe(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** The Blender that looked at the scene, kept open until pictures are finished. */
export class Looked implements AsyncDisposable {
  #opened: BlenderProcess | undefined;

  /** Looks at a scene with one Blender, which then waits here. */
  inspector(scratch: Scratch, blender: ChosenBlender, threads: number | undefined): PrepareDeps["inspect"] {
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
      const { inspection, opened } = await inspectAndKeep({ start }, options, signal);
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
