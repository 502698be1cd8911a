import { z } from "zod";
import { BLENDER_FLAGS, JOB_OPTIONS } from "../../core/job/job-options.ts";
import { nullishFields, Deliver } from "../../core/job/option-schemas.ts";
import { GATEWAY_LIMITS } from "./limits.ts";

export const Text = z.string().max(256);
export const Path = z.string().min(1).max(GATEWAY_LIMITS.maxPathChars);
export const JobName = z
  .string()
  .max(64)
  .regex(/^[\w-]+$/);

/** What a job is to be: a saved scene, and the choices of `bridge render`. */
export const JobSubmission = z.strictObject({
  /** The saved .blend that is rendered: the artist's file, or a copy made for this job. */
  scenePath: Path,
  /** The .blend is a copy made for this job: it is removed when the job has ended for good. */
  owned: z.boolean().default(false),
  /** What people call it; told back in the job list. */
  title: Text.nullish(),
  /** The file that the artist works on; only told back in the job list, so that a client finds its jobs again. */
  source: Path.nullish(),
  /** The Blender that must be used, as --blender; the client's own. */
  blender: Path.nullish(),
  ...nullishFields(BLENDER_FLAGS),
  ...nullishFields(JOB_OPTIONS),
  /** What relative paths are relative to; the scene's folder when not said. */
  cwd: Path.nullish(),
  /** Whose power is used beside this computer's: everybody's in the swarm, or that of these peer ids or multiaddrs. */
  peers: z.union([z.literal("all"), z.array(z.string().min(1).max(512)).max(GATEWAY_LIMITS.maxPeers)]).default("all"),
  /** This computer renders, too. */
  local: z.boolean().default(true),
  /** `files`: finished pictures, as `bridge render` makes them. `raw`: assembled float pictures, which the client's own Blender finishes. */
  deliver: Deliver.default("files"),
});
export type JobSubmission = z.infer<typeof JobSubmission>;
