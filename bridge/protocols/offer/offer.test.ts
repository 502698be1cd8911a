import { describe, expect, it } from "vitest";
import { encodeMessage } from "../codec.ts";
import { streamPair } from "../../test/network/stream-pair.ts";
import type { OfferReply } from "./messages.ts";
import { answerOffer, askOffer } from "./offer.ts";
import { systemWorld } from "../../kernel/world.ts";
import { timeLimitSignal } from "../../test/time/time-limit.ts";

const offer: OfferReply = {
  type: "offer",
  agent: "p2p-render/0",
  name: "anna",
  availability: { state: "open" },
  slots: 1,
  busySlots: 0,
  cores: 2,
  memoryBytes: 1,
  load: 0.5,
  gpus: [],
  builds: [{ blenderVersion: "4.3.2", buildHash: "abc", backend: "CPU", arch: "avx2" }],
};
const signal = timeLimitSignal(60_000);

describe("offer", () => {
  it("carries the donor's resources to the requester [O1]", async () => {
    const [asker, donor] = streamPair(systemWorld);
    const answering = answerOffer(donor, () => offer, signal);
    expect(await askOffer({ open: async () => asker }, "peer", signal)).toEqual(offer);
    await answering;
  });

  it("refuses an answer that breaks the schema [F2]", async () => {
    const [asker, donor] = streamPair(systemWorld);
    await donor.write(encodeMessage({ ...offer, slots: 100_000 }));
    await expect(askOffer({ open: async () => asker }, "peer", signal)).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
  });

  it("refuses a name with control characters in it [F5]", async () => {
    const [asker, donor] = streamPair(systemWorld);
    await donor.write(encodeMessage({ ...offer, name: "\u001b[31mred" }));
    await expect(askOffer({ open: async () => asker }, "peer", signal)).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
  });

  it("fails on malformed bytes with an error code, not with a crash [F2]", async () => {
    const [asker, donor] = streamPair(systemWorld);
    await asker.write(new Uint8Array([1, 2, 3]));
    await expect(answerOffer(donor, () => offer, signal)).rejects.toMatchObject({ code: "PEER_BROKE_PROTOCOL" });
  });
});
