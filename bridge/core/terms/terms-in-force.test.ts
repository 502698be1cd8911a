import { describe, expect, it } from "vitest";
import { readTerms, type TermName, type TermTexts, termsOf, textsOf } from "./parse-terms.ts";
import { type SetTerms, termsInForce } from "./terms-in-force.ts";

/** Terms that were set at a moment; "default" takes one back. */
function set(at: Readonly<Record<number, TermTexts>>): SetTerms {
  const each = Object.entries(at).flatMap(([ms, texts]) =>
    Object.entries(texts).map(([name, text]) => {
      const stated = text === "default" ? undefined : readTerms({ [name]: text })[name as TermName];
      return [name, { atMs: Number(ms), stated }] as const;
    }),
  );
  return Object.fromEntries(each);
}

const inForce = (flags: TermTexts, startedMs: number, after: SetTerms) => textsOf(termsInForce(readTerms(flags), startedMs, after));

describe("the effective terms", () => {
  it("are those of the command line over earlier settings, and later settings over both", () =>
    expect(inForce({ cores: "2", slots: "2" }, 10, set({ 5: { cores: "1", idle: "9m" }, 15: { slots: "3" } }))).toEqual({
      cores: "2",
      slots: "3",
      idle: "9m",
    }));

  it("are the default after the owner unset them, whatever the command line said", () => {
    expect(inForce({ cores: "2" }, 10, set({ 15: { cores: "default" } }))).toEqual({});
    expect(inForce({ cores: "2" }, 10, set({ 5: { cores: "default" } }))).toEqual({ cores: "2" });
  });

  it("are parsed from their texts", () =>
    expect(termsOf(termsInForce(readTerms({ cores: "2" }), 10, set({ 15: { disk: "1k" } })))).toMatchObject({
      cores: { kind: "count", cores: 2 },
      diskBytes: 1024,
    }));
});
