import type { DeviceClass } from "./chunk.ts";

export type Refusal = "busy" | "paused" | "no-matching-blender" | "not-welcome" | "no-space";

export interface AdmissionRequest {
  readonly peer: string;
  readonly build: { readonly blenderVersion: string; readonly buildHash: string };
}

export interface AdmissionTerms {
  readonly builds: readonly DeviceClass[];
  /** Empty: everybody may come. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly jobs: number;
  readonly maxJobs: number;
  readonly paused: boolean;
}

/** Whether this donor takes a job, and in which device class it would work. Every job runs on one Blender build. */
export function admit(
  request: AdmissionRequest,
  terms: AdmissionTerms,
): { readonly deviceClass: DeviceClass } | { readonly refused: Refusal } {
  if (terms.deny.includes(request.peer)) return { refused: "not-welcome" };
  if (terms.allow.length > 0 && !terms.allow.includes(request.peer)) return { refused: "not-welcome" };
  if (terms.paused) return { refused: "paused" };
  if (terms.jobs >= terms.maxJobs) return { refused: "busy" };
  const deviceClass = terms.builds.find((build) => sameBuild(build, request.build));
  return deviceClass ? { deviceClass } : { refused: "no-matching-blender" };
}

/** The rule that keeps a job on one build: same version, same build hash. */
export function sameBuild(a: AdmissionRequest["build"], b: AdmissionRequest["build"]): boolean {
  return a.blenderVersion === b.blenderVersion && a.buildHash === b.buildHash;
}

/** True when two machines make the same bits. */
export function sameDeviceClass(a: DeviceClass, b: DeviceClass): boolean {
  return sameBuild(a, b) && a.backend === b.backend && a.arch === b.arch;
}
