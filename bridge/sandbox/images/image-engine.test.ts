import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENVIRONMENT_LABELS } from "../../core/environments/facts.ts";
import { ENGINE, testEnvironment } from "../fixtures/sandbox-kit.ts";
import { listEnvironmentImages } from "./environment-images.ts";
import { ImageEngine } from "./image-engine.ts";
import { makeBase } from "./make-base.ts";

const signal = new AbortController().signal;
let folder: string;
let engine: ImageEngine;
let environment: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "image-engine-"));
  engine = await ImageEngine.open();
  environment = await testEnvironment();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Containers, running or not, whose command contains a text. */
async function containersWith(word: string) {
  return (await ENGINE.listContainers({ all: true })).filter(({ Command }) => Command.includes(word));
}

const build = (text: string, end: AbortSignal, onLine: (line: string) => void = () => {}) =>
  engine.build(
    { from: { text: `FROM ${environment}\nLABEL ${ENVIRONMENT_LABELS.mark}=\nUSER 0:0\n${text}\n` }, args: {}, labels: {} },
    onLine,
    end,
  );

describe("an engine", () => {
  it("that is not running is named in the error", async () => {
    await expect(ImageEngine.open(join(folder, "nothing"))).rejects.toMatchObject({ code: "SANDBOX_UNAVAILABLE" });
  });

  it("finds an image by its id, and undefined for an unknown id", async () => {
    const image = await engine.find(environment);
    expect(image?.layers.length).toBeGreaterThan(0);
    expect(await engine.find("p2p-render/nothing:here")).toBeUndefined();
    expect(await engine.findEnvironment("0".repeat(64))).toBeUndefined();
  });

  it("fails when an image cannot be pulled", async () => {
    const pulling = engine.pull("registry.invalid/nothing:here", () => {}, signal);
    await expect(pulling).rejects.toMatchObject({ code: "BASE_IMAGE_MISSING" });
  });

  it("reports which of an image's layers it has: from the bottom up to the first missing one", async () => {
    const { layers = [] } = (await engine.find(environment)) ?? {};
    const strange = "f".repeat(64);
    expect(await engine.layersHere([...layers, strange])).toEqual(new Set(layers));
    expect(await engine.layersHere([strange, ...layers])).toEqual(new Set());
  });
});

describe("a build", () => {
  it("that fails reports the output, and leaves no container", async () => {
    const failing = build("RUN echo over-and-out-73 && exit 7", signal);
    await expect(failing).rejects.toMatchObject({ code: "ENVIRONMENT_BUILD_FAILED", message: expect.stringContaining("7") });
    expect(await containersWith("over-and-out-73")).toEqual([]);
  });

  it("that fails on top of an environment leaves no image that looks like one", async () => {
    const own = `over=${process.pid}`;
    const from = { text: `FROM ${environment}\nENV ${own}\nRUN exit 7\n` };
    await expect(engine.build({ from, args: {}, labels: {} }, () => {}, signal)).rejects.toMatchObject({
      code: "ENVIRONMENT_BUILD_FAILED",
    });
    const listed = [...(await engine.list(`${ENVIRONMENT_LABELS.mark}=1`)), ...(await listEnvironmentImages(ENGINE))];
    expect(listed.length).toBeGreaterThan(0);
    // Other tests create and remove images meanwhile.
    const images = await Promise.all(
      listed.map(({ id }) =>
        ENGINE.getImage(id)
          .inspect()
          .catch(() => undefined),
      ),
    );
    expect(images.flatMap((image) => image?.Config.Env ?? [])).not.toContain(own);
    const left = await ENGINE.listImages({ filters: { label: [`${ENVIRONMENT_LABELS.mark}=1`], dangling: ["true"] } });
    for (const { Id } of left) await engine.remove(Id);
  });

  it("that is cancelled ends at once, and leaves no container", async () => {
    const stop = new AbortController();
    const cancelled = build("RUN sleep 7391", stop.signal, (line) => {
      if (line.includes("Running in") && line.length > 0) setTimeout(() => stop.abort(new Error("cancelled")), 500);
    });
    await expect(cancelled).rejects.toThrow("cancelled");
    await expect.poll(() => containersWith("7391")).toEqual([]);
  });
});

describe("a command run in an image", () => {
  it("runs without network", async () => {
    const code = [
      "import os, socket",
      "print(os.getuid(), sorted(os.listdir('/sys/class/net')))",
      "try: open('/usr/x', 'w')",
      "except OSError as error: print(error.errno)",
    ].join("\n");
    expect(await engine.ask(environment, ["/usr/bin/python3", "-c", code], signal)).toBe("10001 ['lo']\n30\n");
  });

  it("fails when the program fails, and leaves no container", async () => {
    const failing = engine.ask(environment, ["/usr/bin/python3", "-c", "raise SystemExit(9) # over-and-out-74"], signal);
    await expect(failing).rejects.toMatchObject({ code: "ENVIRONMENT_BUILD_FAILED" });
    expect(await containersWith("over-and-out-74")).toEqual([]);
  });
});

describe("a base image made here", () => {
  const tag = `p2p-render/test:base-${process.pid}`;
  async function script(text: string): Promise<string> {
    const path = join(folder, "make.sh");
    await writeFile(path, text);
    return path;
  }

  it("is the tar archive written by the script", async () => {
    await makeBase(
      engine,
      { script: await script(`tar -C ${folder} -c .; echo "for $1" >&2`), release: "bookworm", tag },
      () => {},
      signal,
    );
    expect((await engine.find(tag))?.layers).toHaveLength(1);
    await engine.remove(tag);
  });

  it("is not imported when the script fails, whatever it wrote", async () => {
    const broken = await script(`tar -C ${folder} -c .; echo "no mirror" >&2; exit 1`);
    const failing = makeBase(engine, { script: broken, release: "bookworm", tag }, () => {}, signal);
    await expect(failing).rejects.toMatchObject({ code: "BASE_IMAGE_MISSING", message: expect.stringContaining("no mirror") });
    expect(await engine.find(tag)).toBeUndefined();
  });

  it("is not imported when it is cancelled, and the script has time to clean up", async () => {
    const slow = await script(
      `trap 'kill $!; rm ${folder}/work; exit 143' TERM; touch ${folder}/work; sleep 300 & echo begun >&2; wait $!`,
    );
    const stop = new AbortController();
    const cancelled = makeBase(engine, { script: slow, release: "bookworm", tag }, () => stop.abort(new Error("cancelled")), stop.signal);
    await expect(cancelled).rejects.toThrow("cancelled");
    expect(await readdir(folder)).not.toContain("work");
    expect(await engine.find(tag)).toBeUndefined();
  });
});
