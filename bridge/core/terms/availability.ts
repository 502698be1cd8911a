import { z } from "zod";
import { CodedMessage } from "../job/scene-facts.ts";

/** Whether a donor accepts and does work; if not, with the reason in the fields that the recipient's schema names. */
export const availabilityWith = <Why extends z.ZodRawShape>(why: Why) =>
  z.discriminatedUnion("state", [
    z.strictObject({ state: z.literal("open") }),
    /** Accepts nothing new; running chunks may finish. */
    z.strictObject({ state: z.literal("closed"), ...why }),
    /** Accepts nothing new; running chunks are paused. */
    z.strictObject({ state: z.literal("paused"), ...why }),
  ]);

const { code, message } = CodedMessage.unwrap().shape;

/** For the owner: the reason as a message, with a code for scripts. */
export const Availability = availabilityWith({ code, reason: message });
export type Availability = Readonly<z.infer<typeof Availability>>;

/** Why it does not accept work. */
export type UnavailableReason = Omit<Exclude<Availability, { state: "open" }>, "state">;

export const OPEN: Availability = { state: "open" };

/** True when these two are equal for every recipient. */
export function sameAvailability(a: Availability, b: Availability): boolean {
  if (a.state === "open" || b.state === "open") return a.state === b.state;
  return a.state === b.state && a.code === b.code;
}
