import { beforeEach, describe, expect, it } from "vitest";
import type { ResultFile } from "../../core/plan/chunk.ts";
import { FarmError } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/ids.ts";
import { chunkOf } from "../../test/contract/donor-link-contract.ts";
import { FakeSlots } from "../../test/fakes/fake-slots.ts";
import { TextDisk } from "../../test/fakes/text-disk.ts";
import type { LocalSlots } from "../ports.ts";
import type { DonorUpdate } from "./donor-link.ts";
import { LocalDonor } from "./local-donor.ts";

const deviceClass = { blenderVersion: "4.5.0", buildHash: "abc", backend: "CPU", arch: "avx2" } as const;
const scene = { key: "scene", path: "/s.blend", remap: {} };

let disk: TextDisk;
/** Hashing waits for these, path by path; at once where there is none. */
let hashing: Map<string, Promise<void>>;
let told: DonorUpdate[];
beforeEach(() => {
  [disk, hashing, told] = [new TextDisk({ "/s.blend": "a scene" }), new Map(), []];
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** This machine as a donor; what renders is said by the slots. */
function donorWith(slots: LocalSlots): LocalDonor {
  const hashFile = async (path: string) => {
    await hashing.get(path);
    const content = await disk.readFile(path);
    return { sha256: sha256(content), bytes: content.length };
  };
  const donor = new LocalDonor({ disk, slots, hashFile }, { name: "here", scene, deviceClass, directory: "/local" });
  void (async () => {
    for await (const update of donor.updates) told.push(update);
  })();
  return donor;
}

const fakeSlots = (isHeld = false, slots = 1) => new FakeSlots(disk, { slots, folder: "/scratch", isHeld });
/** What lies in a folder or below it. */
async function below(folder: string): Promise<string[]> {
  const names = await disk.readdir(folder).catch(() => []);
  const inside = names.map(async (name) => {
    const path = `${folder}/${name}`;
    return (await disk.stat(path)).isFile() ? [path] : await below(path);
  });
  return (await Promise.all(inside)).flat();
}
/** Slots that cannot render. */
const broken = (error: unknown): LocalSlots => ({ size: 1, run: () => Promise.reject(error as Error) });

describe("this machine as a donor", () => {
  it("is trusted, has its slots, and reports no speed", () => {
    expect(donorWith(fakeSlots(false, 3))).toMatchObject({
      id: "local",
      name: "here",
      trusted: true,
      slots: 3,
      deviceClass,
      benchmarkSpeed: undefined,
    });
  });

  it("moves rendered files out of the slot, and reports each with role, name and hash", async () => {
    donorWith(fakeSlots()).lease(chunkOf(1));
    await settle();
    expect(await below("/scratch")).toEqual([]);
    const [picture, preview] = (await below("/local")).map((path) => disk.peek(path) ?? "");
    const facts = (content = "") => ({ sha256: sha256(Buffer.from(content)), bytes: content.length });
    expect(told.at(-1)).toEqual({
      type: "rendered",
      chunk: "c1",
      files: [
        { role: "raw", name: "floats.exr", ...facts(picture) },
        { role: "preview", name: "preview.png", ...facts(preview) },
      ],
      seconds: 1,
    });
  });

  it("reports files of whole frames as outputs, under Blender's names", async () => {
    const output = { name: "f_##", format: "PNG", useExtension: true };
    donorWith(fakeSlots()).lease({ id: "c1", cost: 1, spec: { kind: "files", scene: "Scene", frame: 3, output } });
    await settle();
    expect(told.at(-1)).toMatchObject({ type: "rendered", files: [{ role: "output", name: "f_03.png" }] });
  });

  it("frees the slot for the next chunk while it hashes the last one", async () => {
    hashing.set("/local/0", new Promise(() => {}));
    const donor = donorWith(fakeSlots());
    donor.lease(chunkOf(1));
    donor.lease(chunkOf(2));
    await settle();
    expect(told.filter(({ type }) => type !== "started")).toMatchObject([{ type: "rendered", chunk: "c2" }]);
  });
});

describe("a chunk that fails here", () => {
  it("has its error's code, and counts as a failure of the chunk", async () => {
    donorWith(broken(new FarmError("DISK_FULL", "no space is left"))).lease(chunkOf(1));
    await settle();
    expect(told).toEqual([{ type: "failed", chunk: "c1", code: "DISK_FULL", message: "no space is left", kind: "task" }]);
  });

  it("is BLENDER_SCRIPT_FAILED when the error has no code", async () => {
    donorWith(broken(new Error("what?"))).lease(chunkOf(1));
    await settle();
    expect(told).toMatchObject([{ type: "failed", code: "BLENDER_SCRIPT_FAILED", message: "what?" }]);
  });

  it("also fails when its files cannot be moved", async () => {
    disk.rename = () => Promise.reject(new FarmError("DISK_FULL", "no space is left"));
    donorWith(fakeSlots()).lease(chunkOf(1));
    await settle();
    expect(told.at(-1)).toMatchObject({ type: "failed", chunk: "c1", code: "DISK_FULL" });
  });
});

describe("result files of a chunk", () => {
  it("are moved to the fetch destination, once", async () => {
    const donor = donorWith(fakeSlots());
    donor.lease(chunkOf(1));
    await settle();
    const files = told.flatMap((update) => (update.type === "rendered" ? update.files : []));
    const picture = disk.peek("/local/0");
    for (const [index, file] of files.entries()) await donor.fetch("c1", file, `/there/${index}`);
    expect(await below("/local")).toEqual([]);
    expect(disk.peek("/there/0")).toBe(picture);
    await expect(donor.fetch("c1", files[0] as ResultFile, "/there/again")).rejects.toMatchObject({ code: "BLOCK_MISSING" });
  });

  it("that were not fetched are removed on release, and no other chunk's", async () => {
    const donor = donorWith(fakeSlots());
    for (const frame of [1, 10]) donor.lease(chunkOf(frame));
    await settle();
    expect(await below("/local")).toHaveLength(4);
    donor.release("c1");
    await settle();
    expect(await below("/local")).toEqual(["/local/2", "/local/3"]);
  });

  it("that are being hashed when it is withdrawn, or when the job ends, are removed, too", async () => {
    const hashed = Promise.withResolvers<void>();
    for (const index of [0, 2]) hashing.set(`/local/${index}`, hashed.promise);
    const donor = donorWith(fakeSlots());
    for (const frame of [1, 2]) donor.lease(chunkOf(frame));
    await settle();
    donor.withdraw("c1");
    const closing = donor.close();
    hashed.resolve();
    await closing;
    expect(await below("/local")).toEqual([]);
    expect(told.filter(({ type }) => type !== "started")).toEqual([]);
  });

  it("that cannot be removed cause no failure", async () => {
    const donor = donorWith(fakeSlots());
    donor.lease(chunkOf(1));
    await settle();
    disk.rm = () => Promise.reject(new Error("busy"));
    donor.release("c1");
    await donor.close();
    await expect(donor.fetch("c1", { role: "raw", name: "floats.exr", sha256: "", bytes: 1 }, "/there")).rejects.toMatchObject({
      code: "BLOCK_MISSING",
    });
  });
});

describe("the end of the job", () => {
  it("aborts Blender with that reason, and waits until it has stopped", async () => {
    const stopped = Promise.withResolvers<void>();
    const reasons: unknown[] = [];
    const run: LocalSlots["run"] = (_scene, _spec, _use, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason);
          void stopped.promise.then(() => reject(signal.reason as Error));
        });
      });
    const donor = donorWith({ size: 1, run });
    donor.lease(chunkOf(1));
    let isClosed = false;
    const closing = donor.close().then(() => (isClosed = true));
    await settle();
    expect(reasons).toMatchObject([{ code: "CANCELLED", message: "the job has ended" }]);
    expect(isClosed).toBe(false);
    stopped.resolve();
    await closing;
    expect(told).toEqual([]);
  });

  it("a withdrawn lease aborts Blender's render as withdrawn", async () => {
    const reasons: unknown[] = [];
    const run: LocalSlots["run"] = (_scene, _spec, _use, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(reasons.push(signal.reason)));
      });
    const donor = donorWith({ size: 1, run });
    donor.lease(chunkOf(1));
    donor.withdraw("c1");
    await donor.close();
    expect(reasons).toMatchObject([{ code: "CANCELLED", message: "the lease was withdrawn" }]);
  });
});
