import { expect, test } from "vitest";
import { expectedFiles } from "./expected-files.ts";
import type { ExpectedOutput } from "../job/scene-facts.ts";

const picture: ExpectedOutput = { kind: "main", before: "/out/f_", digits: 4, after: ".png" };
const paths = (files: readonly ExpectedOutput[], frame: number) => expectedFiles({ files }, frame).map(({ path }) => path);

test.each([
  [7, "/out/f_0007.png"],
  [0, "/out/f_0000.png"],
  [-3, "/out/f_-0003.png"],
  [12345, "/out/f_12345.png"],
  [-12345, "/out/f_-12345.png"],
])("frame %i is written as Blender does: %s", (frame, path) => {
  expect(paths([picture], frame)).toEqual([path]);
});

test("a file name without a frame number is the same for every frame", () => {
  const movie: ExpectedOutput = { kind: "movie", before: "/out/film0001-0004.mp4", digits: 0, after: "" };
  expect(expectedFiles({ files: [movie] }, 3)).toEqual([{ kind: "movie", path: "/out/film0001-0004.mp4" }]);
});

test("paths listed by inspection belong to their frame", () => {
  const node: ExpectedOutput = {
    kind: "node",
    paths: [
      [1, "/a"],
      [2, "/b"],
    ],
  };
  expect(paths([picture, node], 2)).toEqual(["/out/f_0002.png", "/b"]);
  expect(paths([node], 3)).toEqual([]);
});

test("no files are expected when inspection lists none", () => {
  expect(expectedFiles({}, 1)).toEqual([]);
});
