import { mkdtemp, readdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadIdentity, ephemeralIdentity } from "./identity.ts";

const newHome = () => mkdtemp(join(tmpdir(), "identity-"));
const idOf = async (home: string) => (await loadIdentity(home)).publicKey.toString();

describe("loadIdentity", () => {
  it("gives the same key at every start, and another in another home", async () => {
    const home = await newHome();
    expect(await idOf(home)).toBe(await idOf(home));
    expect(await idOf(await newHome())).not.toBe(await idOf(home));
  });

  it("gives simultaneous first starts one key, and leaves only its file, readable by its owner only", async () => {
    const home = join(await newHome(), "not", "there", "yet");
    const ids = await Promise.all(Array.from({ length: 8 }, () => idOf(home)));
    expect(new Set(ids).size).toBe(1);
    expect(await readdir(home)).toEqual(["identity.key"]);
    expect((await stat(join(home, "identity.key"))).mode & 0o777).toBe(0o600);
  });

  it("fails on a damaged key and does not replace it", async () => {
    const home = await newHome();
    for (const content of ["", "not a key"]) {
      await writeFile(join(home, "identity.key"), content);
      await expect(loadIdentity(home)).rejects.toMatchObject({ code: "IDENTITY_DAMAGED" });
    }
  });

  it("fails with the path of a home that cannot be written", async () => {
    const file = join(await newHome(), "file");
    await writeFile(file, "");
    await expect(loadIdentity(join(file, "home"))).rejects.toMatchObject({
      code: expect.stringMatching(/HOME_NOT_WRITABLE|IDENTITY_DAMAGED/),
    });
  });
});

it("makes ephemeral identities that differ", async () => {
  expect((await ephemeralIdentity()).publicKey.toString()).not.toBe((await ephemeralIdentity()).publicKey.toString());
});
