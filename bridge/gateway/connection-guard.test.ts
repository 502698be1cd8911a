import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuthFailureLimiter } from "./connection-guard.ts";
import { knock, openTestGateway, opening } from "./fixtures/gateway-kit.ts";
import { GATEWAY_LIMITS } from "./wire/limits.ts";

const OWN_PAGE = "http://127.0.0.1:8080";

let door: Awaited<ReturnType<typeof openTestGateway>>;
/** A guard with an allowed origin. */
let pageDoor: Awaited<ReturnType<typeof openTestGateway>>;
beforeAll(async () => {
  door = await openTestGateway();
  pageDoor = await openTestGateway({ origins: [OWN_PAGE] });
});
afterAll(async () => {
  await door.close();
  await pageDoor.close();
});

/** Host headers; `P` is the port. Only two are valid. */
const WRONG_HOSTS = [
  "localhost:P",
  "LOCALHOST:P",
  "localhost",
  "127.0.0.1",
  "127.0.0.1:1",
  "127.0.0.1:P.",
  "127.0.0.1.:P",
  "127.0.0.1:P:P",
  "127.0.0.1:0P",
  "127.1:P",
  "127.0.0.2:P",
  "0.0.0.0:P",
  "0x7f000001:P",
  "2130706433:P",
  "0177.0.0.1:P",
  "[::1]",
  "::1:P",
  "[::]:P",
  "[0:0:0:0:0:0:0:1]:P",
  "[::ffff:127.0.0.1]:P",
  "[::1%lo]:P",
  "evil.com",
  "evil.com:P",
  "localhost.evil.com:P",
  "127.0.0.1.evil.com:P",
  "127.0.0.1.nip.io:P",
  "user@127.0.0.1:P",
  "127.0.0.1:P@evil.com",
  "127.0.0.1:P, evil.com",
  "127.0.0.1:P/",
  "http://127.0.0.1:P",
  "",
];

/** Anything with an Origin is a web page. */
const ORIGINS = [
  "null",
  "file://",
  "https://evil.com",
  "http://evil.com:P",
  "http://localhost",
  "http://localhost:P",
  "http://localhost:8080",
  "http://localhost.evil.com:P",
  "http://127.0.0.1",
  "http://127.0.0.1:P",
  "http://127.0.0.1.nip.io:P",
  "HTTP://127.0.0.1:P",
  "https://127.0.0.1:P",
  "http://127.0.0.1:P.",
  "http://user@127.0.0.1:P",
  "http://[::1]:P",
  "chrome-extension://abcdefghijklmnop",
  "ws://127.0.0.1:P",
  "*",
  "",
];

function at(port: number, text: string): string {
  return text.replaceAll("P", String(port)).replaceAll(`HTT${port}`, "HTTP");
}

describe("a local program may connect", () => {
  it("by either address of this machine, without an Origin", async () => {
    const { port } = door;
    expect((await knock(port, opening([`Host: 127.0.0.1:${port}`]))).status).toBe(101);
    expect((await knock(port, opening([`Host: [::1]:${port}`]), "::1")).status).toBe(101);
  });

  it("an allowed origin may connect, and none that resembles it", async () => {
    const { port } = pageDoor;
    const status = async (origin: string) => (await knock(port, opening([`Host: 127.0.0.1:${port}`, `Origin: ${origin}`]))).status;
    expect(await status(OWN_PAGE)).toBe(101);
    for (const near of [
      "http://127.0.0.1:80801",
      "http://127.0.0.1:808",
      "http://127a0a0a1:8080",
      "https://127.0.0.1:8080",
      `${OWN_PAGE}/`,
    ]) {
      expect(await status(near), near).toBe(403);
    }
  });
});

describe("a request for another host is refused before a WebSocket is opened", () => {
  for (const host of WRONG_HOSTS) {
    it(`Host: ${host}`, async () => {
      const { status } = await knock(door.port, opening([`Host: ${at(door.port, host)}`]));
      expect(status).toBe(403);
    });
  }

  it("with two Host headers, or none", async () => {
    const right = `Host: 127.0.0.1:${door.port}`;
    expect((await knock(door.port, opening([right, "Host: evil.com"]))).status).toBeGreaterThanOrEqual(400);
    expect((await knock(door.port, opening([right, right]))).status).toBeGreaterThanOrEqual(400);
    expect((await knock(door.port, opening([]))).status).toBeGreaterThanOrEqual(400);
  });
});

describe("a web page is refused, whatever its origin", () => {
  for (const origin of ORIGINS) {
    it(`Origin: ${origin}`, async () => {
      const { status, text } = await knock(door.port, opening([`Host: 127.0.0.1:${door.port}`, `Origin: ${at(door.port, origin)}`]));
      expect(status).toBe(403);
      expect(text).not.toMatch(/access-control/i);
    });
  }

  it("also with an allowed origin beside its own", async () => {
    const { port } = pageDoor;
    const both = opening([`Host: 127.0.0.1:${port}`, `Origin: ${OWN_PAGE}`, "Origin: https://evil.com"]);
    expect((await knock(port, both)).status).toBe(403);
  });
});

describe("nothing but the WebSocket is served", () => {
  it("HTTP requests of any method change nothing and allow no page to read the answer", async () => {
    const host = `Host: 127.0.0.1:${door.port}`;
    for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"]) {
      const { status, text } = await knock(door.port, [`${method} / HTTP/1.1`, host]);
      expect(status, method).toBeGreaterThanOrEqual(400);
      expect(text).not.toMatch(/access-control/i);
    }
    expect(door.asked).toEqual([]);
  });

  it("every other path is refused: a token must not be in a URL", async () => {
    const host = `Host: 127.0.0.1:${door.port}`;
    for (const path of [`/?token=${door.token}`, "/jobs", "//", "/../", "http://127.0.0.1/"]) {
      expect((await knock(door.port, opening([host], `GET ${path} HTTP/1.1`))).status, path).toBe(404);
    }
  });
});

it("wrong tokens are forgotten after a while", () => {
  const wrong = new AuthFailureLimiter();
  for (let count = 0; count < GATEWAY_LIMITS.maxAuthFailures; count++) {
    expect(wrong.areTooMany(count)).toBe(false);
    wrong.note(count);
  }
  expect(wrong.areTooMany(GATEWAY_LIMITS.wrongTokenMs - 1)).toBe(true);
  expect(wrong.areTooMany(GATEWAY_LIMITS.wrongTokenMs)).toBe(false);
});
