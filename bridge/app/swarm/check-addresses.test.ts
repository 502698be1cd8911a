import { describe, expect, it } from "vitest";
import { checkPeerAddresses } from "./check-addresses.ts";

describe("addresses of peers that a user names", () => {
  it("are accepted as ids and as multiaddrs", async () => {
    await checkPeerAddresses([], undefined, ["/ip4/127.0.0.1/tcp/9", "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"]);
  });

  it("are refused wherever they stand", async () => {
    const good = "/ip4/127.0.0.1/tcp/9";
    for (const bad of ["foo", "", "/ip4/1.2.3.4/udp/9"])
      await expect(checkPeerAddresses([good], [good, bad])).rejects.toMatchObject({ code: "PEER_ADDRESS_INVALID", exitCode: 2 });
  });
});
