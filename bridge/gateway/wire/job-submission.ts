import { z } from "zod";
import { BLENDER_FLAGS, JOB_OPTIONS } from "../../core/job/job-options.ts";
import { nullishFields, DeliveryMode } from "../../core/job/option-schemas.ts";
import { GATEWAY_LIMITS } from "./limits.ts";

export const ShortText = z.string().max(256);
export const ClientPath = z.string().min(1).max(GATEWAY_LIMITS.maxPathChars);
export const JobIdText = z
  .string()
  .max(64)
  .regex(/^[\w-]+$/);

/** A job to submit: a saved scene, and the options of `bridge render`. */
export const JobSubmission = z.strictObject({
  /** The saved .blend to render: the user's file, or a copy made for this job. */
  scenePath: ClientPath,
  /** The .blend is a copy made for this job: it is removed when the job has ended for good. */
  owned: z.boolean().default(false),
  /** A display name, returned in the job list. */
  title: ShortText.nullish(),
  /** The user's working file; only returned in the job list, so that a client finds its jobs again. */
  source: ClientPath.nullish(),
  /** The Blender to use, as --blender; the client's own. */
  blender: ClientPath.nullish(),
  ...nullishFields(BLENDER_FLAGS),
  ...nullishFields(JOB_OPTIONS),
  /** The base of relative paths; default: the scene's folder. */
  cwd: ClientPath.nullish(),
  /** Donors beside this computer: the whole swarm, or these peer ids or multiaddrs. */
  peers: z.union([z.literal("all"), z.array(z.string().min(1).max(512)).max(GATEWAY_LIMITS.maxPeers)]).default("all"),
  /** This computer renders, too. */
  local: z.boolean().default(true),
  /** `files`: finished pictures, as with `bridge render`. `raw`: assembled raw frames, which the client's own Blender finishes. */
  deliver: DeliveryMode.default("files"),
});
export type JobSubmission = z.infer<typeof JobSubmission>;
