import type { BanReason } from "../../core/schedule/types.ts";

/** Why a donor gets no more work of a job, in words. */
export const BAN_MESSAGES: Readonly<Record<BanReason, string>> = {
  mismatch: "its pixels differ from what this machine renders",
  task: "its Blender failed three times in a row",
  transport: "it could not be reached three times in a row",
  refused: "it refused three times in a row",
  malformed: "it delivered three broken results in a row",
};
