import { describe, expect, it } from "vitest";
import { chooseGpus } from "./choose-gpus.ts";
import { AMD, card } from "./fixtures/cards.ts";

const here = [card(0), card(1), AMD];

describe("the owner's choice of GPUs", () => {
  it.each([
    ["none", []],
    ["all", [0, 1, 2]],
    [["1"], [1]],
    [
      ["2", "0"],
      [0, 2],
    ],
    [["GPU-1f7f5c0e-2a2b-4d8e-9d0a-1c2b3a4d5e6f"], [1]],
    [["gpu-1f7f"], [1]],
    [["0000:0c:00.0"], [2]],
    [["02:00.0"], [1]],
    [["0", "0", "01:00.0"], [0]],
  ] as const)("%j are %j", (wanted, indices) => expect(chooseGpus(here, wanted).map(({ index }) => index)).toEqual(indices));

  it.each([["7"], ["GPU-9"], ["0000:0f:00.0"], ["nvidia"]])("%j is refused with what there is", (word) =>
    expect(() => chooseGpus(here, [word])).toThrow(
      expect.objectContaining({
        code: "USAGE",
        message: expect.stringContaining(`"${word}"`),
        advice: expect.stringContaining("2 (AMD Radeon RX 7900 XTX, 0000:0c:00.0)"),
      }),
    ),
  );

  it("fails with a message when there is no GPU, and when a name matches several", () => {
    expect(() => chooseGpus([], ["0"])).toThrow(expect.objectContaining({ advice: expect.stringContaining("No GPU") }));
    const twins = [card(0, { id: "GPU-aaaa1" }), card(1, { id: "GPU-aaaa2" })];
    expect(() => chooseGpus(twins, ["GPU-aaaa"])).toThrow(expect.objectContaining({ message: expect.stringContaining("several") }));
  });
});
