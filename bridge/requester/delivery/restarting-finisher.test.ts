import { beforeEach, describe, expect, it } from "vitest";
import { FarmError } from "../../kernel/errors.ts";
import { silentLog } from "../../kernel/log.ts";
import { RestartingFinisher } from "./restarting-finisher.ts";

const { signal } = new AbortController();
let told: string[];
let deaths: FarmError[];
let failedOpenings: FarmError[];
let lasting: RestartingFinisher;

beforeEach(() => {
  [told, deaths, failedOpenings] = [[], [], []];
  let count = 0;
  const open = async () => {
    const failure = failedOpenings.shift();
    told.push(failure ? "not opened" : `open ${++count}`);
    if (failure) throw failure;
    const me = count;
    const work = async (what: string) => {
      told.push(`${me} ${what}`);
      const death = deaths.shift();
      if (death) throw death;
      return [{ path: what, bytes: 1, main: true }];
    };
    return {
      finishFrame: (frame: number) => work(`frame ${frame}`),
      finishMovie: () => work("movie"),
      [Symbol.asyncDispose]: async () => void told.push(`close ${me}`),
    };
  };
  lasting = new RestartingFinisher({ open, log: silentLog });
});

const crash = () => new FarmError("BLENDER_CRASHED", "Blender ended unexpectedly (SIGKILL)");

describe("a finishing Blender", () => {
  it("is opened once, in advance or when it is needed, and closed once", async () => {
    await Promise.all([lasting.ready(), lasting.finishFrame(1, signal)]);
    await lasting.finishFrame(2, signal);
    await lasting[Symbol.asyncDispose]();
    await lasting[Symbol.asyncDispose]();
    expect(told).toEqual(["open 1", "1 frame 1", "1 frame 2", "close 1"]);
  });

  it("that crashes is replaced by another, which finishes the same frame", async () => {
    deaths = [crash()];
    expect(await lasting.finishFrame(7, signal)).toEqual([{ path: "frame 7", bytes: 1, main: true }]);
    expect(told).toEqual(["open 1", "1 frame 7", "close 1", "open 2", "2 frame 7"]);
    deaths = [crash()];
    expect(await lasting.finishMovie({ start: 1, end: 2, step: 1 }, signal)).toHaveLength(1);
  });

  it("that crashes twice on one frame: that frame is lost, and the next one is not", async () => {
    deaths = [crash(), crash()];
    await expect(lasting.finishFrame(7, signal)).rejects.toMatchObject({
      code: "FINISHING_FAILED",
      message: "frame 7 could not be finished: Blender ended unexpectedly (SIGKILL)",
    });
    expect(await lasting.finishFrame(8, signal)).toHaveLength(1);
    expect(told.slice(-3)).toEqual(["close 2", "open 3", "3 frame 8"]);
  });

  it("that hung is not retried on the frame", async () => {
    deaths = [new FarmError("BLENDER_HUNG", "Blender did not answer for 7200 s")];
    await expect(lasting.finishFrame(7, signal)).rejects.toMatchObject({ code: "FINISHING_FAILED" });
    expect(told).toEqual(["open 1", "1 frame 7", "close 1"]);
  });

  it("that cannot write is not restarted", async () => {
    deaths = [new FarmError("OUTPUT_NOT_WRITABLE", "/out cannot be written")];
    await expect(lasting.finishFrame(7, signal)).rejects.toMatchObject({ code: "OUTPUT_NOT_WRITABLE" });
    expect(told).toEqual(["open 1", "1 frame 7"]);
  });

  it("that crashes during opening is restarted once", async () => {
    failedOpenings = [crash()];
    await lasting.ready();
    expect(told).toEqual(["not opened", "open 1"]);
    await lasting[Symbol.asyncDispose]();
    failedOpenings = [crash(), crash()];
    await expect(lasting.ready()).rejects.toMatchObject({ code: "BLENDER_CRASHED" });
    await lasting.ready(); // whoever asks again begins anew
  });
});
