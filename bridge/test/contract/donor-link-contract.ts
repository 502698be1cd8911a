import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Chunk, ResultFile } from "../../core/plan/chunk.ts";
import { sha256 } from "../../kernel/ids.ts";
import type { DonorLink, DonorUpdate } from "../../requester/donors/donor-link.ts";

/** A donor with one slot whose renders are controlled by the test. */
export interface DonorUnderTest {
  readonly link: DonorLink;
  /** Chunks that its Blender is rendering. */
  begun(): number;
  /** Ends the current render, with success or failure. */
  finish(how: "well" | "crash"): void;
  /** The contents of a fetched file; undefined when there is none. */
  read(path: string): string | undefined;
  /** Waits until all messages have arrived. */
  settle(): Promise<void>;
  /** Its machine vanishes without a goodbye; undefined for one that cannot. */
  readonly vanish: (() => void) | undefined;
}

export interface DonorKind {
  /** Its Blender continues a withdrawn chunk, and returns a result. */
  readonly isDeaf: boolean;
}

const never = new AbortController().signal;

/** The contract of every DonorLink; run on the fake donor, on this machine and on a peer. */
export function donorLinkContract(name: string, open: (kind: DonorKind) => Promise<DonorUnderTest>): void {
  describe(`${name} as a DonorLink`, () => {
    let watched: Watched;
    beforeEach(async () => {
      watched = watch(await open({ isDeaf: false }));
    });
    afterEach(() => watched.link.close());

    renders(() => watched);
    brings(() => watched);
    takesBack(
      () => watched,
      async () => (watched = watch(await open({ isDeaf: true }))),
    );
    ends(() => watched);
  });
}

interface Watched extends DonorUnderTest {
  /** Its updates, without heartbeats and transfer progress. */
  readonly told: DonorUpdate[];
  /** Its updates about chunks, abbreviated. */
  news(): string[];
  readonly hasEnded: () => boolean;
  /** Leases a chunk and waits until it is being rendered. */
  begin(chunk: Chunk): Promise<void>;
  /** The files that it committed to for a chunk. */
  filesOf(chunk: Chunk): readonly ResultFile[];
}

function watch(donor: DonorUnderTest): Watched {
  const told: DonorUpdate[] = [];
  let hasEnded = false;
  void (async () => {
    for await (const update of donor.link.updates) if (update.type !== "alive" && update.type !== "scene") told.push(update);
    hasEnded = true;
  })();
  const begin = async (chunk: Chunk) => {
    donor.link.lease(chunk);
    await donor.settle();
    expect(donor.begun()).toBe(1);
  };
  const filesOf = ({ id }: Chunk) => told.flatMap((update) => (update.type === "rendered" && update.chunk === id ? update.files : []));
  const news = () => told.map((update) => ("chunk" in update ? `${update.chunk} ${update.type}` : update.type));
  return Object.assign(donor, { told, hasEnded: () => hasEnded, begin, filesOf, news });
}

function renders(donor: () => Watched): void {
  it("reports the start of a chunk, and its result", async () => {
    const { begin, told, news, finish, settle, filesOf } = donor();
    await begin(chunkOf(1));
    expect(news()).toEqual(["c1 started"]);
    finish("well");
    await settle();
    expect(news()).toEqual(["c1 started", "c1 rendered"]);
    expect(told[1]).toMatchObject({ seconds: expect.any(Number) });
    expect(filesOf(chunkOf(1)).filter(({ role }) => role === "raw")).toHaveLength(1);
  });

  it("reports the failure of a chunk with its reason; then it can be leased again", async () => {
    const { begin, told, news, finish, settle } = donor();
    await begin(chunkOf(1));
    finish("crash");
    await settle();
    expect(told.at(-1)).toMatchObject({ type: "failed", chunk: "c1", code: "BLENDER_CRASHED", kind: "task" });
    expect((told.at(-1) as { message: string }).message).not.toBe("");
    await begin(chunkOf(1));
    finish("well");
    await settle();
    expect(news()).toEqual(["c1 started", "c1 failed", "c1 started", "c1 rendered"]);
  });

  it("renders every leased chunk once", async () => {
    const { link, news, finish, settle } = donor();
    for (const frame of [1, 2, 3]) link.lease(chunkOf(frame));
    for (let turn = 0; turn < 3; turn++) {
      await settle();
      finish("well");
    }
    await settle();
    expect(
      news()
        .filter((text) => text.endsWith("rendered"))
        .toSorted(),
    ).toEqual(["c1 rendered", "c2 rendered", "c3 rendered"]);
  });
}

/** Fetches a file to a new path, and returns its contents. */
async function fetched({ link, settle, read }: Watched, chunk: Chunk, file: ResultFile): Promise<string | undefined> {
  const to = `/fetched/${chunk.id}-${file.name}`;
  const bringing = link.fetch(chunk.id, file, to, never);
  await Promise.all([bringing, settle()]);
  return read(to);
}

function brings(donor: () => Watched): void {
  it("fetches exactly the announced bytes", async () => {
    const watched = donor();
    await watched.begin(chunkOf(1));
    watched.finish("well");
    await watched.settle();
    const files = watched.filesOf(chunkOf(1));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const content = (await fetched(watched, chunkOf(1), file)) ?? "";
      expect({ bytes: content.length, sha256: sha256(Buffer.from(content)) }).toEqual({ bytes: file.bytes, sha256: file.sha256 });
    }
  });

  it("keeps the results of several chunks apart until each is fetched", async () => {
    const watched = donor();
    for (const frame of [1, 2]) {
      await watched.begin(chunkOf(frame));
      watched.finish("well");
      await watched.settle();
    }
    const [first, second] = [1, 2].map((frame) => watched.filesOf(chunkOf(frame))[0] as ResultFile);
    expect(first?.sha256).not.toBe(second?.sha256);
    for (const [frame, file] of [[2, second] as const, [1, first] as const]) {
      const content = await fetched(watched, chunkOf(frame), file as ResultFile);
      expect(sha256(Buffer.from(content ?? ""))).toBe(file?.sha256);
    }
  });

  it.each(["release", "withdraw"] as const)("does not fetch a result that it may drop (%s)", async (how) => {
    const watched = donor();
    await watched.begin(chunkOf(1));
    watched.finish("well");
    await watched.settle();
    const [file] = watched.filesOf(chunkOf(1));
    watched.link[how]("c1");
    await watched.settle();
    await expect(fetched(watched, chunkOf(1), file as ResultFile)).rejects.toMatchObject({ code: "BLOCK_MISSING" });
    expect(watched.read("/fetched/c1-floats.exr")).toBeUndefined();
  });
}

function takesBack(donor: () => Watched, openDeaf: () => Promise<Watched>): void {
  it("stops rendering a withdrawn chunk, and reports nothing about it", async () => {
    const { link, begin, begun, news, settle } = donor();
    await begin(chunkOf(1));
    link.withdraw("c1");
    await settle();
    expect(begun()).toBe(0);
    expect(news()).toEqual(["c1 started"]);
  });

  it("never starts a chunk that is withdrawn while it is queued", async () => {
    const { link, begin, news, finish, settle } = donor();
    await begin(chunkOf(1));
    link.lease(chunkOf(2));
    link.withdraw("c2");
    finish("well");
    await settle();
    finish("well");
    await settle();
    expect(news().filter((text) => text === "c2 rendered" || text === "c2 failed")).toEqual([]);
  });

  it("a withdrawn chunk can be leased again at once, and only the new lease's result counts", async () => {
    const watched = await openDeaf();
    const { link, begin, finish, settle, news, filesOf } = watched;
    await begin(chunkOf(1));
    link.withdraw("c1");
    link.lease(chunkOf(1));
    await settle();
    for (let turn = 0; turn < 3; turn++) {
      finish("well");
      await settle();
    }
    expect(news().filter((text) => text !== "c1 started")).toEqual(["c1 rendered"]);
    const [file] = filesOf(chunkOf(1));
    expect(sha256(Buffer.from((await fetched(watched, chunkOf(1), file as ResultFile)) ?? ""))).toBe(file?.sha256);
  });

  it("a released chunk can be leased again", async () => {
    const { link, begin, finish, settle, news } = donor();
    for (let turn = 0; turn < 2; turn++) {
      await begin(chunkOf(1));
      finish("well");
      await settle();
      link.release("c1");
      await settle();
    }
    expect(news()).toEqual(["c1 started", "c1 rendered", "c1 started", "c1 rendered"]);
  });

  it("withdrawing a chunk that was never leased, or twice, has no effect", async () => {
    const { link, begin, finish, settle, news } = donor();
    for (const chunk of ["c1", "c9"]) {
      link.withdraw(chunk);
      link.release(chunk);
    }
    await begin(chunkOf(1));
    link.withdraw("c9");
    finish("well");
    await settle();
    for (let turn = 0; turn < 2; turn++) link.release("c1");
    await settle();
    expect(news()).toEqual(["c1 started", "c1 rendered"]);
  });
}

function ends(donor: () => Watched): void {
  it("after close nothing is rendered, and nothing is reported about leased chunks", async () => {
    const { link, begin, begun, news, hasEnded, settle } = donor();
    await begin(chunkOf(1));
    link.lease(chunkOf(2));
    await Promise.all([link.close(), settle()]);
    await settle();
    expect(begun()).toBe(0);
    expect(hasEnded()).toBe(true);
    expect(news().filter((text) => /rendered|failed/.test(text))).toEqual([]);
  });

  it("can be closed twice, and leaves once", async () => {
    const { link, told, hasEnded, settle } = donor();
    await Promise.all([link.close(), link.close(), settle()]);
    await Promise.all([link.close(), settle()]);
    expect(hasEnded()).toBe(true);
    expect(told.filter(({ type }) => type === "gone").length).toBeLessThanOrEqual(1);
  });

  it("a donor that leaves reports it once, last, with a reason", async () => {
    const { begin, finish, settle, told, hasEnded, vanish } = donor();
    if (vanish === undefined) return;
    await begin(chunkOf(1));
    vanish();
    await settle();
    finish("well");
    await settle();
    expect(told.filter(({ type }) => type !== "started")).toEqual([{ type: "gone", reason: expect.stringMatching(/./) }]);
    expect(hasEnded()).toBe(true);
  });
}

/** A small whole frame. */
export function chunkOf(frame: number): Chunk {
  const rect = { x: 0, y: 0, width: 4, height: 4 };
  return { id: `c${frame}`, cost: 1, spec: { kind: "raw", scene: "Scene", frame, width: 4, height: 4, rect, denoise: "none" } };
}
