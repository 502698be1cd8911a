import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FRAME_STREAM_LIMITS, type FrameStream } from "../../protocols/frame-stream.ts";

/** Two ends of one stream, and a clean-up function. */
export interface StreamEnds {
  readonly a: FrameStream;
  readonly b: FrameStream;
  dispose(): Promise<void>;
}

/** The contract of every FrameStream; run on the one in memory and on the real one. */
export function frameStreamContract(name: string, open: () => Promise<StreamEnds>): void {
  describe(`${name} as a FrameStream`, () => {
    let ends: StreamEnds;
    beforeEach(async () => {
      ends = await open();
    });
    afterEach(() => ends.dispose());

    carries(() => ends);
    finishes(() => ends);
    waits(() => ends);
  });
}

function carries(ends: () => StreamEnds): void {
  it("sends frames both ways, whole and in order", async () => {
    const { a, b } = ends();
    for (const text of ["one", "", "three"]) await a.write(bytes(text));
    await b.write(bytes("back"));
    expect([await text(b), await text(b), await text(b)]).toEqual(["one", "", "three"]);
    expect(await text(a)).toBe("back");
  });

  it("sends the largest frame and refuses one byte more", async () => {
    const { a, b } = ends();
    const largest = new Uint8Array(FRAME_STREAM_LIMITS.maxFrameBytes).fill(7);
    const written = a.write(largest);
    const frame = await b.read();
    await written;
    expect(Buffer.compare(frame ?? new Uint8Array(), largest)).toBe(0);
    await expect(a.write(new Uint8Array(FRAME_STREAM_LIMITS.maxFrameBytes + 1))).rejects.toThrow(RangeError);
    await a.write(bytes("still here"));
    expect(await text(b)).toBe("still here");
  });

  it("keeps frames separate that are written without waiting", async () => {
    const { a, b } = ends();
    const writes = Array.from({ length: 200 }, (_, index) => a.write(bytes(`frame ${index}`)));
    for (let index = 0; index < 200; index++) expect(await text(b)).toBe(`frame ${index}`);
    await Promise.all(writes);
  });
}

function finishes(ends: () => StreamEnds): void {
  it("reads undefined every time after the far side has ended, and can still write", async () => {
    const { a, b } = ends();
    await a.write(bytes("last"));
    await a.close();
    await a.close();
    expect([await text(b), await b.read(), await b.read()]).toEqual(["last", undefined, undefined]);
    await b.write(bytes("answer"));
    await b.close();
    expect([await text(a), await a.read()]).toEqual(["answer", undefined]);
  });

  it("delivers what was sent before both sides ended", async () => {
    const { a, b } = ends();
    await b.close();
    for (let index = 0; index < 3; index++) await a.write(new Uint8Array(60_000).fill(index));
    await a.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (let index = 0; index < 3; index++) expect((await b.read())?.[59_999]).toBe(index);
    expect(await b.read()).toBeUndefined();
  });

  it("does not write after its own end", async () => {
    const { a } = ends();
    await a.close();
    await expect(a.write(bytes("late"))).rejects.toThrow("write after close");
  });

  it("fails pending calls on both sides of an abort", async () => {
    const { a, b } = ends();
    await a.write(bytes("so that both know the stream"));
    expect(await text(b)).toBe("so that both know the stream");
    const waiting = failure(b.read());
    const reason = new Error("enough");
    a.abort(reason);
    expect(await waiting).toMatchObject({ code: "PEER_UNREACHABLE" });
    await expect(a.read()).rejects.toBe(reason);
    await expect(a.write(bytes("x"))).rejects.toBe(reason);
    await expect(b.read()).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
    await expect(b.write(bytes("x"))).rejects.toMatchObject({ code: "PEER_UNREACHABLE" });
  });
}

function waits(ends: () => StreamEnds): void {
  it("aborts a pending read by the signal and loses no frame", async () => {
    const { a, b } = ends();
    const reason = new Error("no longer");
    await expect(b.read(AbortSignal.abort(reason))).rejects.toBe(reason);
    const cancel = new AbortController();
    const waiting = failure(b.read(cancel.signal));
    cancel.abort(reason);
    expect(await waiting).toBe(reason);
    await a.write(bytes("later"));
    expect(await text(b)).toBe("later");
  });

  it("makes a writer wait for a reader that does not read, until the reader reads", async () => {
    const { a, b } = ends();
    const most = 32;
    let written = 0;
    const writing = (async () => {
      for (let index = 0; index < most; index++) {
        await a.write(new Uint8Array(1024 * 1024).fill(index));
        written++;
      }
      await a.close();
    })();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(written).toBeLessThan(most / 2);
    for (let index = 0; index < most; index++) expect((await b.read())?.[0]).toBe(index);
    await writing;
    expect(await b.read()).toBeUndefined();
  });

  it("aborts a pending write by the signal, and the frame still arrives", async () => {
    const { a, b } = ends();
    const cancel = new AbortController();
    const reason = new Error("no longer");
    let sent = 0;
    const writing = (async () => {
      while (true) {
        const write = a.write(new Uint8Array(1024 * 1024).fill(sent++), cancel.signal);
        await write;
      }
    })();
    setTimeout(() => cancel.abort(reason), 200);
    await expect(writing).rejects.toBe(reason);
    const closing = a.close();
    let received = 0;
    while (await b.read()) received++;
    await closing;
    expect(received).toBe(sent);
  });

  it("refuses a second concurrent read", async () => {
    const { a, b } = ends();
    const first = b.read();
    await expect(b.read()).rejects.toThrow("two reads");
    await a.write(bytes("one"));
    expect(Buffer.from((await first) ?? []).toString()).toBe("one");
  });
}

/** The error of a promise, which may reject before it is awaited. */
function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function bytes(value: string): Uint8Array {
  return Buffer.from(value);
}

async function text(stream: FrameStream): Promise<string | undefined> {
  const frame = await stream.read();
  return frame && Buffer.from(frame).toString();
}
