import { expect, it } from "vitest";
import { EnvironmentRequests } from "./environment-requests.ts";

const refused = (asks: string | undefined, job = "j") => {
  const what = asks === undefined ? {} : { asks };
  return { event: "job-refused", job, requester: "r", reason: "", ...what } as const;
};

it("the owner is asked once about each environment, until it is allowed or no longer requested", () => {
  const asked = new EnvironmentRequests();
  expect(asked.watch(refused("a"), 1)).toMatchObject({ digest: "a", job: "j" });
  expect(asked.watch(refused("a", "j2"), 60_000)).toBeUndefined();
  expect(asked.watch(refused(undefined), 60_000)).toBeUndefined();
  expect(asked.watch(refused("b"), 70_000)).toMatchObject({ digest: "b" });
  expect(asked.open([], 80_000).map(({ digest, job }) => `${digest} ${job}`)).toEqual(["a j2", "b j"]);
  expect(asked.open(["b"], 80_000).map(({ digest }) => digest)).toEqual(["a"]);
  expect(asked.open([], 60_000 + 5 * 60_000 + 1)).toEqual([]);
  expect(asked.watch(refused("a"), 70_000_000)).toBeDefined();
});

it("the number of requests shown to the owner is limited", () => {
  const asked = new EnvironmentRequests();
  for (let index = 0; index < 1_000; index++) asked.watch(refused(`env-${index}`), 1);
  const open = asked.open([], 2);
  expect(open.length).toBeLessThanOrEqual(8);
  expect(open.at(-1)?.digest).toBe("env-999");
});
