import { expect, it } from "vitest";
import { BanReason } from "../../core/schedule/types.ts";
import { BAN_MESSAGES } from "./ban-messages.ts";

it("every ban reason has its own message", () => {
  expect(Object.keys(BAN_MESSAGES).toSorted()).toEqual(BanReason.options.toSorted());
  expect(new Set(Object.values(BAN_MESSAGES)).size).toBe(BanReason.options.length);
});

it("each message is the end of a sentence about the donor", () => {
  for (const message of Object.values(BAN_MESSAGES)) expect(message).toMatch(/^it[s ].*[^.]$/);
});
