import { expect, it } from "vitest";
import { FarmError } from "../../kernel/errors.ts";
import { failureOrigin } from "./failure-origin.ts";

it.each(["DISK_FULL", "SCENE_CHANGED", "CHECK_FAILED", "HOME_NOT_WRITABLE", "DATABASE_CORRUPT"] as const)(
  "%s is this machine's failure, for any donor's result",
  (code) => expect(failureOrigin(new FarmError(code, "x"))).toBe("ours"),
);

it.each(["RESULT_INVALID", "EXR_INVALID", "BLOCK_MISSING", "PEER_UNREACHABLE"] as const)("%s is the donor's failure", (code) =>
  expect(failureOrigin(new FarmError(code, "x"))).toBe(code),
);

it("a timeout is the failure of the donor that did not send", () => {
  expect(failureOrigin(new DOMException("no answer", "TimeoutError"))).toBe("PEER_UNREACHABLE");
  expect(failureOrigin(new DOMException("gone", "AbortError"))).toBe("PEER_UNREACHABLE");
});

it("a failed disk call, and any unknown error, is this machine's failure", () => {
  expect(failureOrigin(Object.assign(new Error("EIO"), { code: "EIO" }))).toBe("ours");
  expect(failureOrigin("a text")).toBe("ours");
});
