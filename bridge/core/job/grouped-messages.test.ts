import { expect, it } from "vitest";
import { groupedMessages } from "./grouped-messages.ts";

const missing = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ code: "file-missing", message: `The scene names a file that is not there: ${at}.png` }));
const driver = { code: "script-driver", message: "A driver is a script." };

it("a few messages of one kind are shown as they are", () => {
  const few = [driver, ...missing(3)];
  expect(groupedMessages(few, "look")).toEqual(few);
});

it("many of one kind become one line with their number, and other kinds stay", () => {
  expect(groupedMessages([...missing(7_268), driver], "`bridge jobs show j --json` lists them")).toEqual([
    {
      code: "file-missing",
      message: "The scene names a file that is not there: 0.png (and 7,267 more like this: `bridge jobs show j --json` lists them)",
    },
    driver,
  ]);
});
