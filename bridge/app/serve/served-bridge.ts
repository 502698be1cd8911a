import PQueue from "p-queue";
import type { ServedBridge } from "../../gateway/ports.ts";
import { FarmError } from "../../kernel/errors.ts";
import { findLocalBlenders, type ChosenBlender } from "../job/blender-slots.ts";
import { runChecks, networkFindingOf } from "../doctor/doctor.ts";
import type { JobQueue } from "./job-queue.ts";
import { checkScene } from "./scene-check.ts";
import { createFileTransfers } from "./served-files.ts";
import type { ServedJobsStore } from "./served-jobs-store.ts";
import type { SwarmMonitor } from "../swarm/swarm-monitor.ts";
import type { ProcessContext } from "../job/job-context.ts";

export interface ServedBridgeDeps {
  readonly processContext: ProcessContext;
  readonly queue: JobQueue;
  readonly store: ServedJobsStore;
  readonly swarm: SwarmMonitor;
  /** The Blender that this bridge was told to use. */
  readonly blender: string | undefined;
  readonly stop: () => void;
}

/** The methods of the gateway, composed from the other rooms. */
export function servedBridge({ processContext, queue, store, swarm, blender, stop }: ServedBridgeDeps): ServedBridge {
  const { world, home } = processContext;
  const oneLook = new PQueue({ concurrency: 1 }); // each opens a Blender
  const addresses = async () => (await processContext.swarm.enter()).network.multiaddrs();
  const checkWith = async (explicit: string | undefined, signal: AbortSignal): Promise<ChosenBlender> => {
    const [chosen] = await findLocalBlenders(home, explicit, signal);
    if (!chosen) throw new FarmError("BLENDER_NOT_FOUND", "no Blender was found on this machine");
    return chosen;
  };
  return {
    answers: {
      "swarm.status": () => swarm.status(),
      "jobs.submit": async (submission) => ({ job: (await queue.submit(submission)).id }),
      "jobs.list": async () => ({ jobs: queue.list() }),
      "jobs.cancel": async ({ job }) => queue.cancel(job),
      "jobs.pause": async ({ job }) => queue.pause(job),
      "jobs.resume": async ({ job }) => queue.resume(job),
      "jobs.retry": async ({ job }) => queue.retry(job),
      "jobs.raw": async ({ job, frame }) => ({ pictures: await store.rawOf(queue.get(job), frame) }),
      "jobs.release": async ({ job, frame }) => {
        await queue.release(job, frame ?? undefined);
        return {};
      },
      "scene.check": (scene, signal) =>
        oneLook.add(
          async () => {
            const chosen = await checkWith(scene.blender ?? blender, signal);
            const deps = { scratch: processContext.scratch.inner("check"), blender: chosen, swarm: () => swarm.status() };
            return await checkScene(deps, { path: scene.scenePath, name: scene.scene ?? undefined }, signal);
          },
          { signal },
        ),
      "bridge.doctor": async (_, signal) => {
        const findings = await runChecks(world, { home, blender }, () => networkFindingOf(addresses), signal);
        return { findings: findings.map(({ fix, ...finding }) => ({ ...finding, fix: fix ?? null })) };
      },
      "bridge.stop": async () => {
        world.timers.after(0, stop); // the reply is sent first
        return {};
      },
    },
    job: async (id) => {
      const job = queue.get(id);
      const raw = (await store.rawFrames(job))?.frames ?? [];
      return { report: { summary: job.summary, raw, outputs: store.outputs(id) }, events: job.events };
    },
    ...createFileTransfers(processContext, queue, store),
    watchSwarm: (seen) => swarm.watch(seen),
  };
}
