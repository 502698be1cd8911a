import { describe, expect, it } from "vitest";
import { AMD, ARC, card } from "./fixtures/cards.ts";
import { gpuSlots } from "./gpu-slots.ts";

const GIB = 2 ** 30;
const indices = (slots: ReturnType<typeof gpuSlots>) => slots.map(({ gpus }) => gpus.map(({ index }) => index));

describe("slots on GPUs", () => {
  it("are one per card, and more on a card with much memory", () => {
    const h100 = card(0, { memoryBytes: 80 * GIB });
    expect(indices(gpuSlots([card(0), card(1)], { slots: undefined, cores: 16 }))).toEqual([[0], [1]]);
    const shared = gpuSlots([h100], { slots: undefined, cores: 16 });
    expect(indices(shared)).toEqual([[0], [0], [0], [0]]);
    expect(shared[0]).toMatchObject({ sharedBy: 4, memoryBytes: 20 * GIB });
    expect(indices(gpuSlots([card(0), card(1, { memoryBytes: 48 * GIB })], { slots: undefined, cores: 16 }))).toEqual([[0], [1], [1], [1]]);
  });
  it("are no more than there are cores, but each card has one", () => {
    expect(gpuSlots([card(0, { memoryBytes: 80 * GIB })], { slots: undefined, cores: 2 })).toHaveLength(2);
    expect(gpuSlots([card(0), card(1)], { slots: undefined, cores: 1 })).toHaveLength(2);
  });
  it("are as many as the owner sets", () => {
    expect(indices(gpuSlots([card(0), card(1)], { slots: 3, cores: 1 }))).toEqual([[0], [1], [0]]);
    expect(gpuSlots([card(0), card(1)], { slots: 3, cores: 1 }).map(({ memoryBytes }) => memoryBytes)).toEqual(
      [12, 24, 12].map((gib) => gib * GIB),
    );
  });
  it("have several cards each when there are fewer slots than cards, never of two vendors", () => {
    expect(indices(gpuSlots([card(0), card(1), AMD], { slots: 2, cores: 8 }))).toEqual([[0, 1], [2]]);
    expect(indices(gpuSlots([card(0), card(1), AMD], { slots: 1, cores: 8 }))).toEqual([[0, 1]]);
    expect(
      indices(
        gpuSlots(
          [0, 1, 2, 3].map((index) => card(index)),
          { slots: 2, cores: 8 },
        ),
      ),
    ).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });
  it("are not increased when a card's memory is unknown", () =>
    expect(gpuSlots([ARC], { slots: undefined, cores: 8 })).toMatchObject([{ memoryBytes: undefined }]));
  it("are none without cards", () => expect(gpuSlots([], { slots: 2, cores: 8 })).toEqual([]));
});
