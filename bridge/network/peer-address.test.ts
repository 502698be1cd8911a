import { describe, expect, it } from "vitest";
import { parsePeerTarget, readableAddresses } from "./peer-address.ts";

const ID = "12D3KooWMvupq3c66Npbpkjdnp6wMEud2yuzJKxP9pw2Jbtacp1y";

describe("parsePeerTarget", () => {
  it.each([
    [ID, ID, undefined],
    [`/p2p/${ID}`, ID, undefined],
    ["/ip4/10.0.0.7/tcp/4001", undefined, "/ip4/10.0.0.7/tcp/4001"],
    [`/ip4/10.0.0.7/tcp/4001/p2p/${ID}`, ID, `/ip4/10.0.0.7/tcp/4001/p2p/${ID}`],
    [`/dns4/render.example/tcp/4001/p2p/${ID}`, ID, `/dns4/render.example/tcp/4001/p2p/${ID}`],
    ["/ip6/::1/tcp/4001", undefined, "/ip6/::1/tcp/4001"],
  ])("reads %s", (text, id, address) => {
    const target = parsePeerTarget(text);
    expect([target.id?.toString(), target.address?.toString()]).toEqual([id, address]);
  });

  it.each([
    "",
    "nonsense",
    "localhost:4001",
    "/",
    "/ip4",
    "/ip4/999.1.1.1/tcp/1",
    "/ip4/10.0.0.7",
    "/ip4/10.0.0.7/udp/4001/quic-v1",
    "/unix/tmp/x",
    "/ip4/10.0.0.7/tcp/99999",
    "/ip4/10.0.0.7/tcp/4001/p2p/nobody",
    "12D3KooWnonsense",
    "x".repeat(10_000),
  ])("refuses %j", (text) => {
    expect(() => parsePeerTarget(text)).toThrow(expect.objectContaining({ code: "PEER_ADDRESS_INVALID" }));
  });
});

it("ignores invalid addresses of a peer", () => {
  expect(readableAddresses(["/ip4/10.0.0.7/tcp/1", "malformed", "/ip4/x/tcp/1"]).map(String)).toEqual(["/ip4/10.0.0.7/tcp/1"]);
});
