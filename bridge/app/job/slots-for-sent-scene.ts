import type { ChunkSpec } from "../../core/plan/chunk.ts";
import type { WarmSession } from "../../donor/ports.ts";
import { changedScene } from "../../content/bundle/changed-scene.ts";
import { isFarmError } from "../../kernel/errors.ts";
import type { LocalSlots } from "../../requester/ports.ts";
import type { SentScene } from "./sent-scene.ts";

/** Local slots that render exactly the scene as it was sent. Throws SCENE_CHANGED if they cannot. */
export function slotsForSentScene(slots: LocalSlots, sent: SentScene): LocalSlots {
  const runOnce = async <T>(spec: ChunkSpec, use: Parameters<typeof slots.run<T>>[2], signal: AbortSignal): Promise<T> => {
    const goesBack = spec.stepFrom !== undefined;
    const scene = await sent.toOpen(goesBack, signal);
    const take: typeof use.take = async (files) => {
      await sent.confirmOthers(signal); // Blender reads images when it needs them
      if (goesBack && scene.path === sent.path) await assertUnchanged(sent);
      return await use.take(files);
    };
    return await slots.run(scene, spec, { ...use, take }, signal);
  };
  return {
    get size() {
      return slots.size;
    },
    run: async (_where, spec, use, signal) => {
      try {
        return await runOnce(spec, use, signal);
      } catch (error) {
        if (!isFarmError(error, "SCENE_CHANGED")) throw error;
        return await runOnce(spec, use, signal); // overwritten while it was being opened: now the copy is opened
      }
    },
  };
}

/** A session that rejects a scene which was overwritten while it was read. */
export function withSceneChangeCheck(session: WarmSession, sent: SentScene): WarmSession {
  return {
    load: async (path, options, signal) => {
      try {
        await session.load(path, options, signal);
      } catch (error) {
        if (path === sent.path && !signal.aborted) await assertUnchanged(sent); // a half-written file is no fault of the scene
        throw error;
      }
      if (path === sent.path) await assertUnchanged(sent);
    },
    render: (spec, signal) => session.render(spec, signal),
    exited: session.exited,
    close: () => session.close(),
  };
}

async function assertUnchanged(sent: SentScene): Promise<void> {
  if (!(await sent.isUntouched())) throw changedScene(sent.path);
}
