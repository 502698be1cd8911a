import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { openTestGateway } from "../../gateway/fixtures/gateway-kit.ts";

/** An attempt of a page, and its outcome. */
type Tried = Readonly<Record<string, string>>;

let profile: string;
beforeAll(async () => {
  profile = await mkdtemp(join(tmpdir(), "p2p-page-"));
});
afterAll(() => rm(profile, { recursive: true, force: true, maxRetries: 3 }));

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

/** The worst case: a page that knows the port and the token. */
function page(ports: { readonly gateway: number; readonly open: number }, token: string): string {
  return `<!doctype html><script>
    const hello = ${JSON.stringify({ type: "hello", protocol: 1, token, client: { name: "page", version: "1" } })};
    const submit = { type: "request", id: 1, method: "jobs.submit", params: { scenePath: "/evil.blend" } };
    const socket = (url) => new Promise((done) => {
      const ws = new WebSocket(url);
      ws.onopen = () => { ws.send(JSON.stringify(hello)); ws.send(JSON.stringify(submit)); };
      ws.onmessage = ({ data }) => done("answered " + data);
      ws.onerror = () => done("refused");
      setTimeout(() => done("silent"), 15000);
    });
    const request = (url, options) => fetch(url, options).then((r) => r.type + " " + r.status, () => "refused");
    const port = ${ports.gateway};
    const body = JSON.stringify(submit);
    (async () => {
      const tried = {
        control: await socket("ws://127.0.0.1:${ports.open}/"),
        v4: await socket("ws://127.0.0.1:" + port + "/"),
        v6: await socket("ws://[::1]:" + port + "/"),
        name: await socket("ws://localhost:" + port + "/"),
        rebound: await socket("ws://" + location.hostname + ":" + port + "/"),
        get: await request("http://127.0.0.1:" + port + "/"),
        post: await request("http://127.0.0.1:" + port + "/", { method: "POST", body }),
        json: await request("http://127.0.0.1:" + port + "/", { method: "POST", body, headers: { "content-type": "application/json" } }),
        reboundGet: await request("http://" + location.hostname + ":" + port + "/"),
      };
      await request("http://127.0.0.1:" + port + "/", { method: "POST", body, mode: "no-cors" });
      await fetch("/tried", { method: "POST", body: JSON.stringify(tried) });
    })();
  </script>`;
}

/** Opens the page in a real browser, under a name that resolves to this machine, and returns the outcomes. */
async function visit(ports: { readonly gateway: number; readonly open: number }, token: string): Promise<Tried> {
  const told = Promise.withResolvers<Tried>();
  const site = createServer((request, response) => {
    if (request.method !== "POST") return response.writeHead(200, { "content-type": "text/html" }).end(page(ports, token));
    let text = "";
    request.on("data", (part) => (text += String(part))).on("end", () => told.resolve(JSON.parse(text) as Tried));
    return response.end();
  });
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  const { port } = site.address() as AddressInfo;
  const browser = execa(
    "chromium",
    [
      ...FLAGS,
      `--user-data-dir=${profile}`,
      "--host-resolver-rules=MAP evil.test 127.0.0.1",
      "--remote-debugging-port=0", // stays open until it is ended
      `http://evil.test:${port}/`,
    ],
    { reject: false, forceKillAfterDelay: 5_000 },
  );
  try {
    const ended = browser.then(({ stderr }) => Promise.reject(new Error(`the browser ended: ${stderr.slice(-2_000)}`)));
    return await Promise.race([told.promise, ended]);
  } finally {
    browser.kill("SIGTERM");
    await browser;
    site.closeAllConnections();
    site.close();
  }
}

describe("a web page in a real browser", () => {
  it("reaches other sockets of this machine, but not the bridge, though it knows port and token", async () => {
    const open = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(open, "listening");
    open.on("connection", (socket) => socket.send("welcome"));
    const door = await openTestGateway();
    try {
      const tried = await visit({ gateway: door.port, open: (open.address() as AddressInfo).port }, door.token);
      // A browser that could not open any socket would prove nothing.
      expect(tried["control"]).toBe("answered welcome");
      expect({ ...tried, control: undefined }).toEqual({
        v4: "refused",
        v6: "refused",
        name: "refused",
        rebound: "refused",
        get: "refused",
        post: "refused",
        json: "refused",
        reboundGet: "refused",
      });
      expect(door.asked).toEqual([]);
      expect(door.gateway.clients).toBe(0);
    } finally {
      await door.gateway[Symbol.asyncDispose]();
      open.clients.forEach((client) => client.terminate());
      open.close();
    }
  });
});
