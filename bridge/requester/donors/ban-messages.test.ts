import { expect, it } from "vitest";
import { BanReason } from "../../core/schedule/types.ts";
import { BAN_MESSAGES } from "./ban-messages.ts";

it("every reason for which a donor gets no more work is told in words of its own", () => {
  expect(Object.keys(BAN_MESSAGES).toSorted()).toEqual(BanReason.options.toSorted());
  expect(new Set(Object.values(BAN_MESSAGES)).size).toBe(BanReason.options.length);
});

it("reads as the end of a sentence about the donor", () => {
  for (const message of Object.values(BAN_MESSAGES)) expect(message).toMatch(/^it[s ].*[^.]$/);
});
