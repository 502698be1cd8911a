import { expect, test } from "vitest";
import { outputFolderOf } from "./output-folder.ts";

const output = { format: "PNG", isMovie: false, overwrite: true, existing: [], useExtension: true };

test.each([
  ["/shots/one/f_", "/shots/one"],
  ["/shots/one/", "/shots/one"],
  ["/f_", "/"],
])("of %s it is %s", (path, folder) => {
  expect(outputFolderOf({ ...output, path })).toBe(folder);
});

test("is the folder of the files that inspection listed", () => {
  const files = [
    { kind: "node", before: "/side/a", digits: 4, after: ".png" },
    { kind: "main", before: "/shots/scene/f_", digits: 4, after: ".png" },
  ] as const;
  expect(outputFolderOf({ ...output, path: "/shots/{blend_name}/f_", files })).toBe("/shots/scene");
});
