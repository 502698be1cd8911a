import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../../database/open-database.ts";
import { OwnerSettings, termsInForce } from "./owner-settings.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "owner-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the owner's settings", () => {
  it("are visible to another process at once, and outlive both", async () => {
    await using donors = openDatabase(join(folder, "bridge.sqlite"));
    const donor = new OwnerSettings(donors.settings);
    {
      await using owners = openDatabase(join(folder, "bridge.sqlite"));
      const owner = new OwnerSettings(owners.settings);
      owner.setTerms({ cores: "50%" }, 10);
      owner.setTerms({ idle: "5m" }, 20);
      owner.setCommand("freeze", 30);
      owner.evict("j1", 40);
      owner.evict("j2", 40);
    }
    expect(termsInForce({}, 100, donor.terms())).toEqual({ cores: "50%", idle: "5m" });
    expect(donor.terms()).toBe(donor.terms()); // the same value while nothing changed
    expect(donor.command()).toBe("freeze");
    expect(donor.evictedSince(39).map(({ job }) => job)).toEqual(["j1", "j2"]);
    expect(donor.evictedSince(40).map(({ job }) => job)).toEqual(["j2"]);
    donor.setCommand(undefined, 50);
    expect(donor.command()).toBeUndefined();
  });

  it("are ignored when they are damaged", async () => {
    await using database = openDatabase(join(folder, "bridge.sqlite"));
    for (const text of ["{", '{"cores":5}', '{"colour":{"text":"x","atMs":1}}', '{"cores":{"text":"x"}}']) {
      database.settings.set("donor.terms", text);
      expect(new OwnerSettings(database.settings).terms()).toEqual({});
    }
    database.settings.set("donor.command", '{"command":"dance","atMs":1}');
    expect(new OwnerSettings(database.settings).command()).toBeUndefined();
  });
});

describe("the effective terms", () => {
  it("are those of the command line over earlier settings, and later settings over both", () => {
    const set = { cores: { text: "1", atMs: 5 }, slots: { text: "3", atMs: 15 }, idle: { text: "9m", atMs: 5 } };
    expect(termsInForce({ cores: "2", slots: "2" }, 10, set)).toEqual({ cores: "2", slots: "3", idle: "9m" });
  });
  it("are the default after the owner unset them, whatever the command line said", () => {
    expect(termsInForce({ cores: "2" }, 10, { cores: { text: "default", atMs: 15 } })).toEqual({});
    expect(termsInForce({ cores: "2" }, 10, { cores: { text: "default", atMs: 5 } })).toEqual({ cores: "2" });
  });
});
