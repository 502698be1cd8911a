import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { appendFile, mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FarmError } from "../kernel/errors.ts";
import { emptyPart, PART_HEAD_BYTES } from "./wire/binary-frame.ts";
import { ClientUploads } from "./client-uploads.ts";
import { LINE, openClient, openTestGateway } from "./fixtures/gateway-kit.ts";
import { GATEWAY_LIMITS } from "./wire/limits.ts";
import type { IncomingFile } from "./ports.ts";
import { timeLimit } from "../test/time/time-limit.ts";

let test: Awaited<ReturnType<typeof openTestGateway>>;
beforeEach(async () => {
  test = await openTestGateway();
});
afterEach(() => test.close());

type Client = Awaited<ReturnType<typeof openClient>>;
const client = () => openClient(test.port, { token: test.token });
const announced = (data: Buffer, more: object = {}) => ({ name: "lamp.blend", bytes: data.length, sha256: sha256(data), ...more });

function sha256(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

function part(number: number, data: Buffer): Buffer {
  const frame = emptyPart(number, data.length);
  data.copy(frame, PART_HEAD_BYTES);
  return frame;
}

/** The upload's number; undefined if it was refused. */
async function put({ ask }: Client, params: object): Promise<number> {
  const answer = await ask("files.put", params);
  if (answer.type === "failure") throw new Error(answer.error.code);
  return (answer.type === "reply" && (answer.result as { upload: number }).upload) || 0;
}

function pour({ socket }: Client, upload: number, data: Buffer): void {
  for (let at = 0; at < data.length; at += GATEWAY_LIMITS.maxPartBytes) {
    socket.send(part(upload, data.subarray(at, at + GATEWAY_LIMITS.maxPartBytes)));
  }
}

async function send(one: Client, data: Buffer): Promise<string> {
  const upload = await put(one, announced(data));
  pour(one, upload, data);
  const answer = await one.ask("files.done", { upload });
  if (answer.type !== "reply") throw new Error(JSON.stringify(answer));
  return (answer.result as { scenePath: string }).scenePath;
}

const left = () => readdirSync(test.uploads);

describe("an uploaded file", () => {
  it("is stored byte for byte under its own name in its own folder, readable by its owner only", async () => {
    const one = await client();
    const data = randomBytes(3 * GATEWAY_LIMITS.maxPartBytes + 17);
    const [path, other] = [await send(one, data), await send(one, Buffer.from("BLENDER"))];
    expect(basename(path)).toBe("lamp.blend");
    expect(dirname(dirname(path))).toBe(test.uploads);
    expect(dirname(other)).not.toBe(dirname(path));
    expect((await readFile(path)).equals(data)).toBe(true);
  });

  it("two uploads at once do not mix", async () => {
    const one = await client();
    const [a, b] = [randomBytes(600_000), randomBytes(600_000)];
    const [first, second] = [await put(one, announced(a)), await put(one, announced(b))];
    for (let at = 0; at < 600_000; at += 60_000) {
      one.socket.send(part(first, a.subarray(at, at + 60_000)));
      one.socket.send(part(second, b.subarray(at, at + 60_000)));
    }
    for (const [upload, data] of [
      [first, a],
      [second, b],
    ] as const) {
      const answer = await one.ask("files.done", { upload });
      if (answer.type !== "reply") throw new Error(JSON.stringify(answer));
      expect((await readFile((answer.result as { scenePath: string }).scenePath)).equals(data)).toBe(true);
    }
  });

  it("is removed when its client disconnects; files taken by a job stay", async () => {
    const one = await client();
    const taken = await send(one, Buffer.from("BLENDER taken"));
    test.taken.add(dirname(taken));
    await send(one, Buffer.from("BLENDER left"));
    const half = randomBytes(500_000);
    pour(one, await put(one, announced(half)), half.subarray(0, 300_000));
    await one.ask("jobs.list");
    expect(left()).toHaveLength(3);
    one.socket.terminate();
    await expect.poll(left).toEqual([basename(dirname(taken))]);
    expect(existsSync(taken)).toBe(true);
  });

  it("with another hash, or fewer or more bytes, is refused and removed", async () => {
    const one = await client();
    const data = randomBytes(100_000);
    for (const [params, sent] of [
      [announced(data, { sha256: sha256(Buffer.from("another")) }), data],
      [announced(data), data.subarray(1)],
      [announced(data.subarray(1)), data],
    ] as const) {
      const upload = await put(one, params);
      pour(one, upload, sent);
      expect(await one.ask("files.done", { upload })).toMatchObject({ type: "failure", error: { code: "UPLOAD_WRONG" } });
      expect(left()).toEqual([]);
    }
  });

  it("an unknown upload is named in the error; parts for it end the connection", async () => {
    const one = await client();
    expect(await one.ask("files.done", { upload: 7 })).toMatchObject({ error: { code: "UPLOAD_UNKNOWN" } });
    const path = await send(one, Buffer.from("BLENDER"));
    expect(await one.ask("files.done", { upload: 1 })).toMatchObject({ error: { code: "UPLOAD_UNKNOWN" } });
    expect(existsSync(path)).toBe(true);
    one.socket.send(part(7, Buffer.from("x")));
    expect(await one.closed).toBe(1008);
  });

  it("can be used only by its own client", async () => {
    const [one, other] = [await client(), await client()];
    const upload = await put(one, announced(Buffer.from("BLENDER")));
    expect(await other.ask("files.done", { upload })).toMatchObject({ error: { code: "UPLOAD_UNKNOWN" } });
  });

  it("must have a plain .blend name and a size within the limits", async () => {
    const one = await client();
    const data = Buffer.from("BLENDER");
    for (const name of [
      "../lamp.blend",
      "a/b.blend",
      "a\\b.blend",
      "C:lamp.blend",
      "lamp",
      ".blend",
      "lamp\0.blend",
      `${"ä".repeat(130)}.blend`,
    ]) {
      await expect(put(one, announced(data, { name })), name).rejects.toThrow("WIRE_INVALID");
    }
    for (const bytes of [0, -1, GATEWAY_LIMITS.maxUploadBytes + 1, 1.5]) {
      await expect(put(one, announced(data, { bytes })), String(bytes)).rejects.toThrow("WIRE_INVALID");
    }
    expect(left()).toEqual([]);
  });

  it("the number of uploads is limited per client and in total", async () => {
    const data = Buffer.from("BLENDER");
    const clients: Client[] = [];
    for (let open = 0; open < GATEWAY_LIMITS.maxUploads; open++) {
      if (open % GATEWAY_LIMITS.maxUploadsPerClient === 0) clients.push(await client());
      await put(clients.at(-1)!, announced(data));
    }
    await expect(put(clients[0]!, announced(data))).rejects.toThrow("TOO_MANY_UPLOADS");
    const another = await client();
    await expect(put(another, announced(data))).rejects.toThrow("TOO_MANY_UPLOADS");
    clients[0]!.socket.close();
    await expect.poll(left).toHaveLength(GATEWAY_LIMITS.maxUploads - GATEWAY_LIMITS.maxUploadsPerClient);
    expect(await put(another, announced(data))).toBeGreaterThan(0);
  });
});

describe("an upload whose disk is slow or full", () => {
  /** A disk whose writes are released by the test. */
  function slowFile() {
    const writing: (() => void)[] = [];
    const file: IncomingFile = {
      write: () => new Promise((resolve) => writing.push(resolve)),
      finish: async () => "/there.blend",
      drop: async () => {},
      leave: async () => {},
    };
    return { file, writing };
  }

  it("the client's socket is paused while too much waits, and resumed when it is written", async () => {
    const { file, writing } = slowFile();
    const flow: string[] = [];
    const uploads = new ClientUploads({ receive: async () => file, pause: () => flow.push("pause"), resume: () => flow.push("resume") });
    const data = randomBytes(GATEWAY_LIMITS.maxPartBytes);
    const parts = GATEWAY_LIMITS.maxUnwrittenBytes / data.length + 1;
    const all = Buffer.concat(Array.from({ length: parts }, () => data));
    const { upload } = await uploads.put(announced(all));
    for (let count = 0; count < parts; count++) uploads.take({ number: upload, data });
    expect(flow).toEqual(["pause"]);
    const done = uploads.done({ upload });
    for (let count = 0; count < parts; count++) {
      await expect.poll(() => writing.length).toBe(1);
      writing.pop()?.();
    }
    expect(await done).toEqual({ scenePath: "/there.blend" });
    expect(flow).toEqual(["pause", "resume"]);
  });

  it("a full disk is reported, and the space is freed before the client finishes", async () => {
    const dropped: string[] = [];
    const full: IncomingFile = {
      ...slowFile().file,
      write: async () => {
        throw new FarmError("DISK_FULL", "no space left");
      },
      drop: async () => void dropped.push("dropped"),
    };
    const uploads = new ClientUploads({ receive: async () => full, pause: () => {}, resume: () => {} });
    const { upload } = await uploads.put(announced(Buffer.from("BLENDER")));
    expect(uploads.take({ number: upload, data: Buffer.from("BLEN") })).toBe(true);
    await expect.poll(() => dropped).toEqual(["dropped"]);
    expect(uploads.take({ number: upload, data: Buffer.from("DER") })).toBe(true);
    await expect(uploads.done({ upload })).rejects.toMatchObject({ code: "DISK_FULL" });
  });
});

describe("a downloaded file", () => {
  async function told(name: string, data: Buffer): Promise<string> {
    const path = join(test.uploads, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, data);
    test.told.add(path);
    return path;
  }

  async function get(one: Client, path: string): Promise<Buffer> {
    const answer = await one.ask("files.get", { job: LINE.job, path });
    if (answer.type !== "reply") throw new Error(answer.type === "failure" ? answer.error.code : answer.type);
    const { download, bytes } = answer.result as { download: number; bytes: number };
    const come = () => one.parts.get(download)?.reduce((sum, each) => sum + each.length, 0) ?? 0;
    await expect.poll(come, { interval: 5 }).toBe(bytes);
    return Buffer.concat(one.parts.get(download) ?? []);
  }

  it("arrives byte for byte, also an empty one, also several at once", async () => {
    const one = await client();
    const sizes = [0, 1, GATEWAY_LIMITS.maxPartBytes, 5_000_000];
    const datas = sizes.map((bytes) => randomBytes(bytes));
    const paths = await Promise.all(datas.map((data, at) => told(`${at}.exr`, data)));
    const taken = await Promise.all(paths.map((path) => get(one, path)));
    taken.forEach((data, at) => expect(data.equals(datas[at]!)).toBe(true));
  });

  it("must be announced by the job under exactly that path; a missing one is reported as missing", async () => {
    const one = await client();
    const path = await told("tile.exr", randomBytes(10));
    for (const other of [
      `${path}x`,
      dirname(path),
      join(dirname(path), "x", "..", "tile.exr").replace("tile.exr", "../tile.exr"),
      "/etc/passwd",
    ]) {
      await expect(get(one, other), other).rejects.toThrow("FILE_NOT_OF_JOB");
    }
    test.told.add(join(test.uploads, "gone.exr"));
    await expect(get(one, join(test.uploads, "gone.exr"))).rejects.toThrow("FILE_GONE");
  });

  it("a file that ends too early is reported", async () => {
    const one = await client();
    const path = await told("short.exr", Buffer.alloc(40 * 1024 * 1024));
    one.socket.pause();
    const asked = one.ask("files.get", { job: LINE.job, path });
    await delay(timeLimit(300));
    await truncate(path, 100);
    one.socket.resume();
    await asked;
    await expect.poll(() => one.parts.get(1)?.at(-1)?.length).toBe(0);
  });

  it("waits for a slow client without dropping it, and lets events pass between its parts", async () => {
    const one = await client();
    const bytes = 64 * 1024 * 1024;
    const path = await told("large.exr", Buffer.alloc(bytes));
    await one.ask("jobs.watch", { job: LINE.job });
    one.socket.pause();
    const asked = one.ask("files.get", { job: LINE.job, path });
    await delay(timeLimit(500));
    test.events.push(0, { event: "note", code: "n", message: "between" });
    await delay(100);
    expect(test.gateway.clients).toBe(1);
    one.socket.resume();
    await one.frame((each) => each.type === "event");
    const before = one.parts.get(1)?.reduce((sum, each) => sum + each.length, 0) ?? 0;
    expect(before).toBeLessThan(bytes);
    await asked;
    await expect.poll(() => one.parts.get(1)?.reduce((sum, each) => sum + each.length, 0)).toBe(bytes);
  });

  it("the number of downloads at once is limited", async () => {
    const one = await client();
    const path = await told("large.exr", Buffer.alloc(32 * 1024 * 1024));
    one.socket.pause();
    const asking = Array.from({ length: GATEWAY_LIMITS.maxDownloadsPerClient + 1 }, () => one.ask("files.get", { job: LINE.job, path }));
    await delay(timeLimit(300));
    one.socket.resume();
    const answers = await Promise.all(asking);
    expect(answers.filter(({ type }) => type === "reply")).toHaveLength(GATEWAY_LIMITS.maxDownloadsPerClient);
    expect(answers).toContainEqual(expect.objectContaining({ type: "failure", error: expect.objectContaining({ code: "WIRE_BUSY" }) }));
  });

  it("a client that disconnects leaves no file open", async () => {
    const one = await client();
    const path = await told("large.exr", Buffer.alloc(32 * 1024 * 1024));
    one.socket.pause();
    void one.ask("files.get", { job: LINE.job, path });
    await delay(timeLimit(200));
    one.socket.terminate();
    await expect.poll(() => test.gateway.clients).toBe(0);
    await appendFile(path, "still there");
  });
});

it("text messages and binary frames over their limits end the connection", async () => {
  const one = await client();
  one.socket.send("x".repeat(GATEWAY_LIMITS.maxFrameBytes + 1));
  expect(await one.closed).toBe(1009);
  const two = await client();
  two.socket.send(Buffer.alloc(GATEWAY_LIMITS.maxPartBytes + PART_HEAD_BYTES + 1));
  expect(await two.closed).toBe(1009);
});
