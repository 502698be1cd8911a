import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WrittenFile } from "../../core/ledger/written-file.ts";
import type { JobFinisher } from "../../requester/ports.ts";

/** A finisher of a scene whose frames 1 and 2 are assembled, and frame 9 is not. */
export interface FinisherUnderTest extends AsyncDisposable {
  readonly finisher: JobFinisher;
  /** Bytes of the file at a path; undefined if there is none. */
  sizeOf(path: string): Promise<number | undefined>;
}

export interface FinisherKind {
  /** Its scene writes a picture per frame, or one movie of all frames. */
  readonly makes: "pictures" | "movie";
}

const never = new AbortController().signal;

/** The contract of every JobFinisher; run on the fake one, and on the finishing Blender. */
export function jobFinisherContract(name: string, open: (kind: FinisherKind) => Promise<FinisherUnderTest>): void {
  describe(`${name} as a JobFinisher`, () => {
    describe("of pictures", () => {
      makesPictures(opened(() => open({ makes: "pictures" })));
    });
    describe("of a movie", () => {
      makesMovies(opened(() => open({ makes: "movie" })));
    });
  });
}

function opened(open: () => Promise<FinisherUnderTest>): () => FinisherUnderTest {
  let finisher: FinisherUnderTest;
  beforeAll(async () => {
    finisher = await open();
  });
  afterAll(() => finisher[Symbol.asyncDispose]());
  return () => finisher;
}

async function expectWhole({ sizeOf }: FinisherUnderTest, written: readonly WrittenFile[]): Promise<void> {
  expect(written.filter(({ main }) => main)).toHaveLength(1);
  for (const { path, bytes } of written) expect([path, await sizeOf(path)]).toEqual([path, bytes]);
  expect(Math.min(...written.map(({ bytes }) => bytes))).toBeGreaterThan(0);
}

function makesPictures(under: () => FinisherUnderTest): void {
  it("writes the files of a frame, which are complete when it resolves", async () => {
    await expectWhole(under(), await under().finisher.finishFrame(1, never));
  });

  it("writes each frame's own files, and the same again when it is repeated", async () => {
    const { finisher } = under();
    const paths = async (frame: number) => (await finisher.finishFrame(frame, never)).map(({ path }) => path);
    const [first, second, again] = [await paths(1), await paths(2), await paths(1)];
    expect(again).toEqual(first);
    expect(second.filter((path) => first.includes(path))).toEqual([]);
    await expectWhole(under(), await finisher.finishFrame(1, never));
  });

  it("names the frame that cannot be finished, and finishes the next one", async () => {
    const { finisher } = under();
    await expect(finisher.finishFrame(9, never)).rejects.toMatchObject({
      code: "FINISHING_FAILED",
      message: expect.stringMatching(/^frame 9 could not be finished: ./),
    });
    await expectWhole(under(), await finisher.finishFrame(2, never));
  });

  it("writes nothing after an abort, and fails with its reason", async () => {
    const reason = new Error("no longer");
    await expect(under().finisher.finishFrame(1, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
}

function makesMovies(under: () => FinisherUnderTest): void {
  it("writes one movie of all frames, which is complete when it resolves", async () => {
    await expectWhole(under(), await under().finisher.finishMovie({ start: 1, end: 2, step: 1 }, never));
  });

  it("writes none when a frame is missing", async () => {
    const making = under().finisher.finishMovie({ start: 1, end: 9, step: 8 }, never);
    await expect(making).rejects.toMatchObject({ code: "FINISHING_FAILED" });
  });
}
