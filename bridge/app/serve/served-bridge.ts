import PQueue from "p-queue";
import type { ServedBridge } from "../../gateway/ports.ts";
import { FarmError } from "../../kernel/errors.ts";
import { blendersHere, type ChosenBlender } from "../job/blender-slots.ts";
import { examine, examineNetwork } from "../doctor/doctor.ts";
import type { JobDesk } from "./job-queue.ts";
import { checkScene } from "./scene-check.ts";
import { servedFiles } from "./served-files.ts";
import type { ServedJobsStore } from "./served-jobs-store.ts";
import type { SwarmWatch } from "../swarm/swarm-watch.ts";
import type { Workshop } from "../job/run-job.ts";

export interface ServedBridgeDeps {
  readonly workshop: Workshop;
  readonly desk: JobDesk;
  readonly store: ServedJobsStore;
  readonly swarm: SwarmWatch;
  /** The Blender that this bridge was told to use. */
  readonly blender: string | undefined;
  readonly stop: () => void;
}

/** What the gateway's clients can ask for, joined from the rooms that know. */
export function servedBridge({ workshop, desk, store, swarm, blender, stop }: ServedBridgeDeps): ServedBridge {
  const { home } = workshop;
  const oneLook = new PQueue({ concurrency: 1 }); // each opens a Blender
  const addresses = async () => (await workshop.swarm.enter()).network.multiaddrs();
  const checkWith = async (explicit: string | undefined, signal: AbortSignal): Promise<ChosenBlender> => {
    const [chosen] = await blendersHere(home, explicit, signal);
    if (!chosen) throw new FarmError("BLENDER_NOT_FOUND", "no Blender was found on this machine");
    return chosen;
  };
  return {
    answers: {
      "swarm.status": () => swarm.status(),
      "jobs.submit": async (wish) => ({ job: (await desk.submit(wish)).id }),
      "jobs.list": async () => ({ jobs: desk.list() }),
      "jobs.cancel": async ({ job }) => desk.cancel(job),
      "jobs.pause": async ({ job }) => desk.pause(job),
      "jobs.resume": async ({ job }) => desk.resume(job),
      "jobs.retry": async ({ job }) => desk.retry(job),
      "jobs.floats": async ({ job, frame }) => ({ pictures: await store.floatsOf(desk.get(job), frame) }),
      "jobs.release": async ({ job, frame }) => {
        await desk.release(job, frame ?? undefined);
        return {};
      },
      "scene.check": (scene, signal) =>
        oneLook.add(
          async () => {
            const chosen = await checkWith(scene.blender ?? blender, signal);
            const deps = { scratch: workshop.scratch.inner("check"), blender: chosen, swarm: () => swarm.status() };
            return await checkScene(deps, { path: scene.scenePath, name: scene.scene ?? undefined }, signal);
          },
          { signal },
        ),
      "bridge.doctor": async (_, signal) => {
        const findings = await examine(home, blender, () => examineNetwork(addresses), signal);
        return { findings: findings.map(({ fix, ...finding }) => ({ ...finding, mend: fix ?? null })) };
      },
      "bridge.stop": async () => {
        setImmediate(stop); // the answer goes first
        return {};
      },
    },
    job: async (id) => {
      const job = desk.get(id);
      const floats = (await store.shelf(job))?.frames ?? [];
      return { report: { line: job.line, floats, outputs: store.outputs(id) }, events: job.events };
    },
    ...servedFiles(home.uploads, desk, store),
    watchSwarm: (seen) => swarm.watch(seen),
  };
}
