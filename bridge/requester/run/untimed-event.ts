import type { ScheduleEvent } from "../../core/schedule/types.ts";

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A schedule event before the loop has put its time on it. */
export type UntimedEvent = DistributiveOmit<ScheduleEvent, "nowMs">;
