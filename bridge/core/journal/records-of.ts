import type { ChunkId, DonorId, ResultFile } from "../plan/chunk.ts";
import type { ScheduleEffect } from "../schedule/types.ts";
import type { JobRecord } from "./records.ts";

/** The records written before an effect is performed; `filesOf` returns the files of a donor's result of a chunk. */
export function journalRecordsOf(effect: ScheduleEffect, filesOf: (chunk: ChunkId, donor: DonorId) => readonly ResultFile[]): JobRecord[] {
  switch (effect.type) {
    case "accept": {
      const { chunk, donor, sha256, checked } = effect;
      return [{ type: "chunk-accepted", chunk, donor, sha256, checked, files: filesOf(chunk, donor) }];
    }
    case "revoke":
      return [{ type: "chunk-revoked", chunk: effect.chunk, donor: effect.donor }];
    case "chunk-dead":
      return [{ type: "chunk-dead", chunk: effect.chunk, code: effect.code }];
    case "ban-donor":
      return [{ type: "donor-banned", donor: effect.donor, reason: effect.reason }];
    default:
      return [];
  }
}
