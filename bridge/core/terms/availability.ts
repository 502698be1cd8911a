import { z } from "zod";
import { Reason } from "../job/scene-facts.ts";

/** Whether a donor takes and does work. Who is told of it is told why it does not, in the fields that are named here. */
export const availabilityWith = <Why extends z.ZodRawShape>(why: Why) =>
  z.discriminatedUnion("state", [
    z.strictObject({ state: z.literal("open") }),
    /** Takes nothing new; what runs may end. */
    z.strictObject({ state: z.literal("closed"), ...why }),
    /** Takes nothing new; what runs stands still. */
    z.strictObject({ state: z.literal("paused"), ...why }),
  ]);

const { code, message } = Reason.unwrap().shape;

/** As its owner is told: why, with a code for scripts and in words. */
export const Availability = availabilityWith({ code, reason: message });
export type Availability = Readonly<z.infer<typeof Availability>>;

/** Why it does not take work. */
export type NotOpen = Omit<Exclude<Availability, { state: "open" }>, "state">;

export const OPEN: Availability = { state: "open" };

/** True when nobody would tell these two apart. */
export function sameAvailability(a: Availability, b: Availability): boolean {
  if (a.state === "open" || b.state === "open") return a.state === b.state;
  return a.state === b.state && a.code === b.code;
}
