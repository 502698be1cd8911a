import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../../database/open-database.ts";
import { textsOf } from "../../core/terms/parse-terms.ts";
import { termsInForce } from "../../core/terms/terms-in-force.ts";
import { OwnerSettings } from "./owner-settings.ts";

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
    expect(textsOf(termsInForce({}, 100, donor.terms()))).toEqual({ cores: "50%", idle: "5m" });
    expect(donor.terms()).toBe(donor.terms()); // the same value while nothing changed
    expect(donor.command()).toBe("freeze");
    expect(donor.evictedSince(39).map(({ job }) => job)).toEqual(["j1", "j2"]);
    expect(donor.evictedSince(40).map(({ job }) => job)).toEqual(["j2"]);
    donor.setCommand(undefined, 50);
    expect(donor.command()).toBeUndefined();
  });

  it("are set only if all of them together are valid", async () => {
    await using database = openDatabase(join(folder, "bridge.sqlite"));
    const owner = new OwnerSettings(database.settings);
    owner.setTerms({ cores: "2" }, 10);
    expect(() => owner.setTerms({ slots: "2", idle: "soon" }, 20)).toThrowError(expect.objectContaining({ code: "USAGE" }));
    expect(owner.terms()).toEqual({ cores: { atMs: 10, stated: { text: "2", says: { cores: { kind: "count", cores: 2 } } } } });
    owner.setTerms({ cores: undefined }, 30);
    expect(owner.terms()).toEqual({ cores: { atMs: 30, stated: undefined } });
  });

  it("that are invalid are reported once; the previous ones stay in effect, and they can be corrected", async () => {
    await using database = openDatabase(join(folder, "bridge.sqlite"));
    const owner = new OwnerSettings(database.settings);
    owner.setTerms({ slots: "2" }, 10);
    const before = owner.terms();
    database.settings.set("donor.terms", '{"cores":{"text":"a few","atMs":20}}');
    expect(() => owner.terms()).toThrowError(expect.objectContaining({ code: "USAGE", message: expect.stringContaining("a few") }));
    expect(owner.terms()).toBe(before);
    owner.setTerms({ cores: "3" }, 30);
    expect(textsOf(termsInForce({}, 0, owner.terms()))).toEqual({ cores: "3" });
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
