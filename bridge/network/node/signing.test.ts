import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifySignature, sign } from "./signing.ts";

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "signing-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe("a signature", () => {
  it("is valid only for its text and its signer", async () => {
    const signed = await sign(home, "the text");
    const other = await sign(join(home, "other"), "the text");
    expect(await verifySignature("the text", signed)).toBe(true);
    expect(await verifySignature("another text", signed)).toBe(false);
    expect(await verifySignature("the text", { ...signed, signer: other.signer })).toBe(false);
    expect(await verifySignature("the text", { ...signed, signature: other.signature })).toBe(false);
  });

  it("of an invalid peer id is not valid", async () => {
    const signed = await sign(home, "the text");
    expect(await verifySignature("the text", { ...signed, signer: "nobody" })).toBe(false);
    expect(await verifySignature("the text", { ...signed, signature: "" })).toBe(false);
  });
});
