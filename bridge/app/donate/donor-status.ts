import { join } from "node:path";
import { z } from "zod";
import type { Home } from "../../config/home.ts";
import { GpuSummary } from "../../core/gpu/gpu.ts";
import { Availability } from "../../core/terms/availability.ts";
import { Totals } from "../../core/terms/totals.ts";
import type { World } from "../../kernel/world.ts";

const Text = z.string().max(10_000);

/** A donor's status for its owner, in a file of its home. */
export const DonorStatus = z.strictObject({
  pid: z.int(),
  /** Milliseconds since 1970. */
  atMs: z.number(),
  peerId: Text,
  name: Text,
  availability: Availability,
  terms: z.record(z.string(), z.string()),
  slots: z.int(),
  /** Busy slots, including those that still open their scene. */
  busySlots: z.int(),
  threads: z.int(),
  diskUsedBytes: z.number(),
  jobs: z.array(z.strictObject({ job: Text, requester: Text })),
  /** Environments that jobs requested and the owner has not allowed yet. */
  asked: z.array(z.strictObject({ digest: Text, job: Text, requester: Text, atMs: z.number() })),
  working: z.array(z.strictObject({ job: Text, lease: Text, what: Text, sinceMs: z.number() })),
  /** Paths of previews of jobs that allow them; the newest last. */
  pictures: z.array(z.strictObject({ job: Text, path: Text })),
  totals: Totals,
  /** The slots' backends: "CPU", "OptiX". */
  backends: z.array(Text),
  gpus: z.array(GpuSummary).readonly(),
  gpuNote: Text.optional(),
  /** Samples x pixels a second of one slot on the benchmark scene. */
  speed: z.number().optional(),
  machine: z.strictObject({
    othersLoad: z.number().optional(),
    idleMs: z.number().optional(),
    onBattery: z.boolean().optional(),
    celsius: z.number().optional(),
    watts: z.number().optional(),
  }),
});
export type DonorStatus = z.infer<typeof DonorStatus>;

/** A donor whose file is older than this counts as gone. */
export const STATUS_STALE_MS = 15_000;

/** The path of the status file in a home. */
export function statusPath(home: Pick<Home, "root">): string {
  return join(home.root, "donor.json");
}

/** The status of this home's donor; undefined when none runs. */
export async function readStatus(
  { clock, disk }: Pick<World, "clock" | "disk">,
  home: Pick<Home, "root">,
): Promise<DonorStatus | undefined> {
  try {
    const status = DonorStatus.parse(JSON.parse(String(await disk.readFile(statusPath(home)))));
    return clock.now() - status.atMs < STATUS_STALE_MS ? status : undefined;
  } catch {
    return undefined; // missing or invalid
  }
}
