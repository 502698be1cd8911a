import { describe, expect, it } from "vitest";
import { encodeMessage } from "../codec.ts";
import { streamPair } from "../../test/network/stream-pair.ts";
import { answerEnvironment, askEnvironment } from "./environments.ts";
import type { EnvironmentReply } from "./messages.ts";
import { systemWorld } from "../../kernel/world.ts";

const signal = new AbortController().signal;
const DIGEST = "d".repeat(64);
const OFFERED: EnvironmentReply = {
  type: "environment",
  manifest: "e".repeat(64),
  manifestBytes: 1000,
  signatures: [{ signer: `12D3Koo${"W".repeat(45)}`, signature: `${"A".repeat(86)}==` }],
};

/** Requests over a stream pair in memory; `reply` writes the far side's answer. */
async function ask(reply: object) {
  const [here, there] = streamPair(systemWorld);
  const answered = answerEnvironment(there, async () => reply as EnvironmentReply, signal).catch(() => {});
  try {
    return await askEnvironment({ open: async () => here }, "peer", DIGEST, signal);
  } finally {
    await answered;
  }
}

describe("requesting an environment", () => {
  it("[E1] returns the offer or the refusal", async () => {
    expect(await ask(OFFERED)).toEqual(OFFERED);
    expect(await ask({ type: "none" })).toEqual({ type: "none" });
  });

  it.each([
    ["a manifest that is too large", { ...OFFERED, manifestBytes: 3 * 1024 * 1024 }],
    ["an unknown field", { ...OFFERED, path: "/etc" }],
    ["a signer that is no Ed25519 peer", { ...OFFERED, signatures: [{ ...OFFERED.signatures[0], signer: "QmRsa" }] }],
    ["too many signatures", { ...OFFERED, signatures: Array.from({ length: 9 }, () => OFFERED.signatures[0]) }],
  ])("[F2] refuses %s", async (_, reply) => {
    await expect(ask(reply)).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
  });

  it.each([{ type: "ask" }, { type: "ask", digest: "../../etc/passwd" }])(
    "[F2] is refused by the serving side when malformed: %j",
    async (request) => {
      const [here, there] = streamPair(systemWorld);
      const answered = answerEnvironment(there, async () => OFFERED, signal);
      await here.write(encodeMessage(request));
      await expect(answered).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
    },
  );
});
