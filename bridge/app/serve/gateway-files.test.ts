import { expect, it } from "vitest";
import { MemoryDisk } from "../../test/fakes/memory-disk.ts";
import { SteppedClock } from "../../test/simulation/steps.ts";
import { readGatewayFile, writeGatewayFiles } from "./gateway-files.ts";

const home = { root: "/home" };

async function openWorld() {
  const clock = new SteppedClock();
  clock.advance(5_000);
  const disk = new MemoryDisk({ clock });
  await disk.mkdir(home.root);
  return { clock, disk };
}

it("the home's file names the serving process, its start time and the token", async () => {
  const world = await openWorld();
  await using _written = await writeGatewayFiles(world, home, { token: "secret", session: "s" }, 4_242);
  const found = await readGatewayFile(world.disk, home);
  expect(found).toMatchObject({ pid: process.pid, port: 4_242, session: "s", startedAt: 5_000 });
  expect(String(await world.disk.readFile(found?.tokenFile ?? ""))).toBe("secret");
});

it("a bridge that stops removes both files", async () => {
  const world = await openWorld();
  const written = await writeGatewayFiles(world, home, { token: "secret", session: "s" }, 4_242);
  expect(await world.disk.readdir(home.root)).toHaveLength(2);
  await written[Symbol.asyncDispose]();
  expect(await world.disk.readdir(home.root)).toEqual([]);
});

it("a home without the file, or with an invalid one, has no serving bridge", async () => {
  const { disk } = await openWorld();
  expect(await readGatewayFile(disk, home)).toBeUndefined();
  await disk.writeFile("/home/gateway.json", "{}");
  expect(await readGatewayFile(disk, home)).toBeUndefined();
});
