import { win32 } from "node:path";
import { posix } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SceneFile } from "../../core/job/scene-facts.ts";
import { type BundleLayout, layoutBundle } from "./bundle-layout.ts";
import { SceneManifest } from "./manifest.ts";
import { bundlePathFault, foldPath } from "./path-rules.ts";
import { remapFor } from "./remap.ts";

function files(scene: string, ...others: string[]): SceneFile[] {
  return [{ path: scene, kind: "blend", missing: false }, ...others.map((path) => ({ path, kind: "image", missing: false }))];
}

function pathsOf(layout: BundleLayout): Record<string, string> {
  return Object.fromEntries(layout.files.map((file) => [file.source, file.path]));
}

function asManifest(layout: BundleLayout): SceneManifest {
  return SceneManifest.parse({
    version: 1,
    scene: layout.scene,
    files: layout.files.map(({ path }) => ({ path, bytes: 0, blocks: [] })),
    remap: layout.remap,
  });
}

/** The path that a Blender on this machine would open: the longest prefix wins, with either separator. */
function resolveHere(remap: Record<string, string>, path: string): string {
  const plain = (text: string) => text.replaceAll("\\", "/");
  const inside = (prefix: string) => plain(path) === plain(prefix) || plain(path).startsWith(plain(prefix).replace(/\/?$/u, "/"));
  const best = Object.keys(remap)
    .filter(inside)
    .sort((a, b) => b.length - a.length)[0];
  return best === undefined ? path : posix.join(remap[best] as string, plain(path).slice(plain(best).length));
}

describe("the layout of a bundle", () => {
  it("keeps the relative paths of files near the scene, and reveals no folder above them", () => {
    const layout = layoutBundle(
      files("/home/alice/film/shots/a/s.blend", "/home/alice/film/tex/wood.png", "/home/alice/film/lib/tree.blend"),
    );
    expect(layout.scene).toBe("shots/a/s.blend");
    expect(layout.files.map((file) => file.path)).toEqual(["lib/tree.blend", "shots/a/s.blend", "tex/wood.png"]);
    expect(layout.remap).toEqual([{ from: "/home/alice/film", to: "." }]);
  });

  it("puts a single scene at the top", () => {
    expect(layoutBundle(files("/home/alice/s.blend"))).toMatchObject({ scene: "s.blend", remap: [{ from: "/home/alice", to: "." }] });
  });

  it("puts files from elsewhere into external folders, one for each place", () => {
    const layout = layoutBundle(
      files("/home/alice/p/s.blend", "/mnt/disk/hdri/sky.exr", "/mnt/disk/hdri/b/sun.exr", "/usr/share/fonts/x/f.ttf", "/home/bob/t.png"),
    );
    expect(pathsOf(layout)).toEqual({
      "/home/alice/p/s.blend": "s.blend",
      "/home/bob/t.png": "external/1/t.png",
      "/mnt/disk/hdri/sky.exr": "external/2/sky.exr",
      "/mnt/disk/hdri/b/sun.exr": "external/2/b/sun.exr",
      "/usr/share/fonts/x/f.ttf": "external/3/f.ttf",
    });
    expect(layout.remap).toContainEqual({ from: "/mnt/disk/hdri", to: "external/2" });
  });

  it("does the same for drives and shares of Windows, ignoring case", () => {
    const layout = layoutBundle(
      files(
        "C:\\Users\\Bob\\film\\s.blend",
        "c:/users/bob/Film/Tex/a.png",
        "D:\\lib\\b.png",
        "\\\\nas\\share\\x\\c.png",
        "C:\\Windows\\Fonts\\f.ttf",
        "C:\\users\\bob\\film\\S.BLEND",
      ),
    );
    expect(layout.scene).toBe("s.blend");
    expect(layout.files.map((file) => file.path)).toEqual([
      "Tex/a.png",
      "external/1/c.png",
      "external/2/f.ttf",
      "external/3/b.png",
      "s.blend",
    ]);
    expect(layout.remap).toEqual([
      { from: "C:\\Users\\Bob\\film", to: "." },
      { from: "C:\\Windows\\Fonts", to: "external/2" },
      { from: "D:\\lib", to: "external/3" },
      { from: "\\\\nas\\share\\x", to: "external/1" },
    ]);
  });

  it("leaves out missing files and lists them", () => {
    const layout = layoutBundle([
      ...files("/p/s.blend"),
      { path: "/p/gone.png", kind: "image", missing: true },
      { path: "relative.png", kind: "image", missing: false },
    ]);
    expect(layout.missing).toEqual(["/p/gone.png", "relative.png"]);
    expect(layout.files).toHaveLength(1);
  });

  it("renames what some file system cannot store, a folder once for all files in it", () => {
    const layout = layoutBundle(
      files("/p/s.blend", "/p/aux/b_0001.png", "/p/aux/b_0002.png", "/p/what?.png", "/p/a\\b.png", "/p/e\u0301.png", "/p/trail. /x.png"),
    );
    expect(pathsOf(layout)).toMatchObject({
      "/p/aux/b_0001.png": "_aux/b_0001.png",
      "/p/aux/b_0002.png": "_aux/b_0002.png",
      "/p/what?.png": "what_.png",
      "/p/e\u0301.png": "é.png",
    });
    expect(layout.remap).toContainEqual({ from: "/p/aux", to: "_aux" });
    expect(layout.remap).toContainEqual({ from: "/p/what?.png", to: "what_.png" });
    expect(layout.remap).toContainEqual({ from: "/p/trail. ", to: "trail__" });
  });

  it("keeps apart names that differ only in case, and a folder of the user's that is called external", () => {
    const layout = layoutBundle(files("/p/s.blend", "/p/Tex.png", "/p/tex.png", "/p/external/1/a.png", "/mnt/z/1/q.png"));
    expect(new Set(layout.files.map((file) => foldPath(file.path))).size).toBe(layout.files.length);
    expect(pathsOf(layout)["/mnt/z/1/q.png"]).toBe("external_2/1/q.png");
  });

  it("does not depend on the order of the files", () => {
    const all = files("/home/a/p/s.blend", "/home/a/t/x.png", "/mnt/q/y.png", "/opt/z/Z.png", "/opt/z/z.png");
    expect(layoutBundle([...all].reverse())).toEqual(layoutBundle(all));
  });

  it("fails without a scene", () => {
    expect(() => layoutBundle([])).toThrow(expect.objectContaining({ code: "SCENE_NOT_FOUND" }));
  });

  it("moves folders that are too deep to an external folder", () => {
    const deep = `/home/a/${Array.from({ length: 60 }, (_, index) => `d${index}`).join("/")}/x.png`;
    const layout = layoutBundle(files("/home/a/s.blend", deep));
    expect(pathsOf(layout)[deep]).toBe("external/1/x.png");
  });

  const name = fc.oneof(
    fc.constantFrom("home", "Users", "a", "A", "aux", "tex", "external", "1", "e\u0301", "x?"),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 5 }).filter((text) => !/[/\\\0]/u.test(text) && text !== "." && text !== ".."),
  );
  const segments = fc.array(name, { minLength: 1, maxLength: 6 });
  it.each(["posix", "windows"] as const)("any set of %s paths becomes safe, distinct paths that a manifest takes", (style) => {
    fc.assert(
      fc.property(fc.uniqueArray(segments, { minLength: 1, maxLength: 8, selector: (parts) => parts.join("/") }), (all) => {
        const absolute = all.map((parts, index) =>
          style === "posix" ? `/${parts.join("/")}` : `${index % 3 === 2 ? "D" : "C"}:\\${parts.join("\\")}`,
        );
        const layout = layoutBundle(files(absolute[0] as string, ...absolute.slice(1)));
        for (const file of layout.files) expect(bundlePathFault(file.path)).toBeUndefined();
        const folded = (paths: readonly string[]) => new Set(paths.map((path) => (style === "posix" ? path : path.toLowerCase())));
        expect(folded(layout.files.map((file) => file.source))).toEqual(folded(absolute));
        asManifest(layout);
      }),
      { numRuns: 400 },
    );
  });
});

describe("the remap on a donor", () => {
  const root = "/donor/jobs/42";
  const sources = [
    "/home/a/film/s.blend",
    "/home/a/film/tex/a.png",
    "/home/a/film/aux/b.png",
    "/mnt/lib/l.blend",
    "/mnt/tex/t.png",
    "/srv/x/con.png",
  ];
  const layout = layoutBundle(files(...(sources as [string])));
  const remap = remapFor(asManifest(layout), root);
  const places = pathsOf(layout);

  it("finds every file by its absolute path", () => {
    for (const source of sources) expect(resolveHere(remap, source)).toBe(`${root}/${places[source]}`);
  });

  it("finds every file by the relative path from every other one", () => {
    for (const from of sources) {
      for (const to of sources) {
        const reference = posix.resolve(posix.dirname(`${root}/${places[from]}`), posix.relative(posix.dirname(from), to));
        expect(resolveHere(remap, reference), `${from} -> ${to}`).toBe(`${root}/${places[to]}`);
      }
    }
  });

  it("keeps files that are in place, even when the requester's folder contains the donor's", () => {
    const near = remapFor(asManifest(layoutBundle(files("/donor/s.blend", "/donor/x/t.png"))), root);
    expect(resolveHere(near, `${root}/x/t.png`)).toBe(`${root}/x/t.png`);
    expect(resolveHere(near, "/donor/x/t.png")).toBe(`${root}/x/t.png`);
  });

  it("remaps no file that is in place, even when another folder's relative path leads there", () => {
    const clash = layoutBundle(files("/home/a/s.blend", "/mnt/x/0/a.png", "/mnt/x/1/b.png"));
    expect(pathsOf(clash)).toMatchObject({ "/mnt/x/0/a.png": "external/1/a.png", "/mnt/x/1/b.png": "external/2/b.png" });
    const here = remapFor(asManifest(clash), root);
    expect(resolveHere(here, `${root}/external/1/a.png`)).toBe(`${root}/external/1/a.png`);
  });

  it("never maps the root of a file system", () => {
    const top = layoutBundle(files("/s.blend", "/a.png", "/textures/t.png"));
    const here = remapFor(asManifest(top), root);
    expect(Object.keys(here)).not.toContain("/");
    expect(resolveHere(here, "/a.png")).toBe(`${root}/a.png`);
    expect(resolveHere(here, "/textures/t.png")).toBe(`${root}/${pathsOf(top)["/textures/t.png"]}`);
    expect(resolveHere(here, `${root}/textures/t.png`)).toBe(`${root}/${pathsOf(top)["/textures/t.png"]}`);
    expect(resolveHere(here, "/usr/share/x")).toBe("/usr/share/x");
  });

  it("remaps scenes from Windows too", () => {
    const windows = ["C:\\w\\s.blend", "C:\\w\\tex\\a.png", "D:\\hdr\\sky.exr", "C:\\Users\\b\\t.png"];
    const laid = layoutBundle(files(...(windows as [string])));
    const here = remapFor(asManifest(laid), root);
    for (const source of windows) expect(resolveHere(here, source)).toBe(`${root}/${pathsOf(laid)[source]}`);
    const reference = posix.resolve(root, win32.relative("C:\\w", "C:\\Users\\b\\t.png").replaceAll("\\", "/"));
    expect(resolveHere(here, reference)).toBe(`${root}/${pathsOf(laid)["C:\\Users\\b\\t.png"]}`);
  });
});
