import { sameBuild } from "../../core/admission.ts";
import { environmentName, parseDigest } from "../../core/environments/facts.ts";
import type { Database, EnvironmentRow } from "../../database/types.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { ChosenBlender } from "../job/blender-slots.ts";
import { findEnvironmentRow } from "./environment-catalog.ts";

/** The environment that a job names. */
export interface ResolvedEnvironment {
  readonly digest: string;
  /** Undefined for one that only other peers have: then their description is used. */
  readonly row: EnvironmentRow | undefined;
}

/** By name or digest; a whole digest may be of one that is not installed. Throws ENVIRONMENT_MISSING. */
export function environmentNamed(database: Pick<Database, "environments">, reference: string): ResolvedEnvironment {
  const digest = parseDigest(reference);
  if (digest !== undefined) return { digest, row: database.environments.get(digest) };
  const row = findEnvironmentRow(database, reference);
  return { digest: row.digest, row };
}

/**
 * The local Blender for a job: with the build that the job was started with, or that of its environment. Donors render
 * in the environment, and this machine finishes with the same build. Throws BLENDER_NOT_FOUND, NO_MATCHING_BLENDER.
 */
export function chooseBlender(
  blenders: readonly ChosenBlender[],
  begun: { readonly version: string; readonly buildHash: string } | undefined,
  named: ResolvedEnvironment | undefined,
): ChosenBlender {
  const row = named?.row;
  const wanted = row?.facts ?? (begun && { blenderVersion: begun.version, buildHash: begun.buildHash });
  const match = wanted && blenders.find(({ deviceClass }) => sameBuild(deviceClass, wanted));
  if (row && !match) throw otherBlender(row, blenders);
  const chosen = match ?? blenders[0];
  if (chosen === undefined) throw new FarmError("BLENDER_NOT_FOUND", "no Blender was found on this machine");
  return chosen;
}

function otherBlender({ facts, digest }: EnvironmentRow, blenders: readonly ChosenBlender[]): FarmError {
  const here = blenders.map(({ build }) => `${build.version} (${build.buildHash})`).join(", ");
  return new FarmError(
    "NO_MATCHING_BLENDER",
    `${environmentName(facts, digest)} has Blender ${facts.blenderVersion} (${facts.buildHash}), and this machine has ${here}`,
    {
      advice:
        "Frames are finished on this machine: install the same Blender, or build an environment with the one here (`bridge env build`).",
    },
  );
}

/** A warning for the requester, before donors ask for the environment. */
export function sharingWarning({ digest, row }: ResolvedEnvironment): string | undefined {
  if (row?.isShared) return undefined;
  if (row === undefined)
    return `the environment ${digest.slice(0, 12)} is not in this home: only donors that have it, or get it from other peers, can work`;
  return `donors that lack ${environmentName(row.facts, digest)} cannot get it from this machine: \`bridge env share ${digest.slice(0, 12)}\``;
}
