import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { once } from "node:events";
import { type WebSocket, WebSocketServer } from "ws";
import { FarmError } from "../kernel/errors.ts";
import { PART_HEAD_BYTES } from "./wire/binary-frame.ts";
import { Connection, type ConnectionDeps } from "./connection.ts";
import { refusalOf, AuthFailureLimiter } from "./connection-guard.ts";
import { GATEWAY_LIMITS } from "./wire/limits.ts";

export interface GatewayOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Allowed origins of web pages; programs send none. */
  readonly origins: ReadonlySet<string>;
}

/** This machine's two loopback addresses, and no other. */
const LOOPBACK = ["127.0.0.1", "::1"] as const;
const HEADERS_TIMEOUT_MS = 5_000;
const MAX_HEADER_BYTES = 8 * 1024;
const PORT_TRIES = 10;
/** How long to wait for clients to close. */
const CLOSE_WAIT_MS = 1_000;

/** The WebSocket server for programs of this machine. Disposing it disconnects every client. */
export class Gateway implements AsyncDisposable {
  readonly #deps: Omit<ConnectionDeps, "authFailures">;
  readonly #origins: ReadonlySet<string>;
  readonly #authFailures = new AuthFailureLimiter();
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: PART_HEAD_BYTES + GATEWAY_LIMITS.maxPartBytes,
    perMessageDeflate: false,
  });
  readonly #servers: Server[] = [];
  #port = 0;

  private constructor(deps: Omit<ConnectionDeps, "authFailures">, origins: ReadonlySet<string>) {
    this.#deps = deps;
    this.#origins = origins;
  }

  /** Throws LISTEN_FAILED. */
  static async open(deps: Omit<ConnectionDeps, "authFailures">, { port, origins }: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(deps, origins);
    for (let attempt = 1; ; attempt++) {
      try {
        await gateway.#listen(port);
        return gateway;
      } catch (cause) {
        await gateway.#stopListening();
        const mayRetry = port === 0 && attempt < PORT_TRIES; // a free port of one address may be in use on the other
        if (!mayRetry) throw new FarmError("LISTEN_FAILED", `port ${port} of this machine cannot be listened on`, { cause });
      }
    }
  }

  get port(): number {
    return this.#port;
  }

  get clients(): number {
    return this.#sockets.clients.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#sockets.clients) client.close(1001, "the bridge is stopping");
    const endAll = () => this.#sockets.clients.forEach((client) => client.terminate());
    const stopTimer = this.#deps.timers.after(CLOSE_WAIT_MS, endAll);
    await this.#stopListening();
    stopTimer();
    this.#sockets.close();
  }

  async #listen(port: number): Promise<void> {
    for (const host of LOOPBACK) {
      const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, maxHeaderSize: MAX_HEADER_BYTES }, (request, response) =>
        this.#rejectRequest(request, response),
      );
      server.maxConnections = 2 * GATEWAY_LIMITS.maxClients;
      server.on("upgrade", (request, socket, head) => this.#receive(request, socket, head));
      server.listen({ port: this.#servers.length > 0 ? this.#port : port, host, exclusive: true });
      try {
        await once(server, "listening");
      } catch (error) {
        if (host === "::1" && isWithoutIpv6(error)) continue;
        throw error;
      }
      this.#servers.push(server);
      this.#port = (server.address() as AddressInfo).port;
    }
  }

  async #stopListening(): Promise<void> {
    const closing = this.#servers.splice(0).map(async (server) => {
      server.close();
      server.closeIdleConnections();
      await once(server, "close");
    });
    await Promise.all(closing);
  }

  /** Only WebSockets are served. No header allows a web page to read the answer. */
  #rejectRequest(request: IncomingMessage, response: ServerResponse): void {
    const refusal = refusalOf(request, { port: this.#port, origins: this.#origins });
    response.writeHead(refusal?.status ?? 426, { connection: "close", "content-type": "text/plain" });
    response.end(`${refusal?.reason ?? "only WebSocket connections are served"}\n`);
  }

  #receive(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { clock } = this.#deps;
    const refusal = refusalOf(request, { port: this.#port, origins: this.#origins });
    if (refusal) return rejectUpgrade(socket, refusal.status);
    if (this.#authFailures.areTooMany(clock.monotonicMs())) return rejectUpgrade(socket, 429);
    if (this.clients >= GATEWAY_LIMITS.maxClients) return rejectUpgrade(socket, 503);
    this.#sockets.handleUpgrade(request, socket as Socket, head, (client: WebSocket) => {
      new Connection(client, { ...this.#deps, authFailures: this.#authFailures });
    });
  }
}

function rejectUpgrade(socket: Duplex, status: number): void {
  socket.on("error", () => {}); // it is being disconnected
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** Some machines and containers have no IPv6. */
function isWithoutIpv6(error: unknown): boolean {
  return ["EADDRNOTAVAIL", "EAFNOSUPPORT"].includes((error as NodeJS.ErrnoException).code ?? "");
}
