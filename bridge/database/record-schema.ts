import { z } from "zod";
import type { JobRecord } from "../core/journal/records.ts";
import { ERROR_CODES, type ErrorCode } from "../kernel/error-codes.ts";
import { SHA256_PATTERN } from "../kernel/ids.ts";
import { Frame, Name, PlanInputSchema, RECORD_LIMITS, Text } from "./facts-schema.ts";

const Hash = z.string().regex(SHA256_PATTERN);
const Code = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]);

const Flags = z.strictObject({
  scene: z.exactOptional(Name),
  output: z.exactOptional(Text),
  format: z.exactOptional(Name),
  useExtension: z.exactOptional(z.boolean()),
  frameStart: z.exactOptional(Frame),
  frameEnd: z.exactOptional(Frame),
  frameStep: z.exactOptional(z.int()),
});

const File = z.strictObject({ role: z.enum(["raw", "output", "preview"]), name: Name, sha256: Hash, bytes: z.int().min(0) });
const Written = z.strictObject({ path: Text, bytes: z.exactOptional(z.int().min(0)) });
const Setting = z.union([z.string(), z.number(), z.boolean(), z.array(z.string()).max(RECORD_LIMITS.maxListItems)]);

/** A line of the journal, as it is read back. */
export const JobRecordSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("job-created"),
    scenePath: Text,
    flags: Flags,
    planInput: PlanInputSchema,
    manifestHash: Hash,
    blender: z.strictObject({ version: Name, buildHash: Name }),
    verify: z.enum(["off", "spot", "full"]),
    settings: z.record(z.string(), Setting),
  }),
  z.strictObject({
    type: z.literal("chunk-accepted"),
    chunk: Name,
    sha256: Hash,
    files: z.array(File).max(RECORD_LIMITS.maxFiles),
    donor: Name,
    checked: z.boolean(),
  }),
  z.strictObject({ type: z.literal("chunk-revoked"), chunk: Name, donor: Name }),
  z.strictObject({ type: z.literal("chunk-dead"), chunk: Name, code: Code }),
  z.strictObject({
    type: z.literal("donor-banned"),
    donor: Name,
    reason: z.enum(["mismatch", "task", "transport", "refused", "malformed"]),
  }),
  z.strictObject({ type: z.literal("frame-finished"), frame: Frame, files: z.array(Written).max(RECORD_LIMITS.maxFiles) }),
  z.strictObject({ type: z.literal("paused") }),
  z.strictObject({ type: z.literal("resumed") }),
  z.strictObject({
    type: z.literal("job-ended"),
    outcome: z.enum(["complete", "incomplete", "cancelled", "failed"]),
    error: z.exactOptional(z.strictObject({ code: Name, message: Text })),
  }),
]);

/** Parses a stored line. Throws a ZodError when it is none of ours. */
export function parseRecord(body: string): JobRecord {
  return revived(JobRecordSchema.parse(JSON.parse(body)));
}

/** The schema and the type say the same: a change of one alone does not compile. */
function revived(record: z.infer<typeof JobRecordSchema>): JobRecord {
  return record satisfies JobRecord;
}
