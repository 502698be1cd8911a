import type { SceneFile } from "../../core/job/scene-facts.ts";
import { FarmError } from "../../kernel/errors.ts";
import { BUNDLE_ROOT, type RemapEntry } from "./manifest.ts";
import { BundleTree } from "./bundle-tree.ts";
import { formatNative, type NativePath, nativeKey, parentPathOf, parseNative, sharedDepth } from "./native-path.ts";
import { PATH_LIMITS } from "./path-rules.ts";

/** The path of each file of a scene in its bundle. */
export interface BundleLayout {
  /** The scene's own path in the bundle. */
  readonly scene: string;
  /** Sorted by bundle path; `source` is the absolute path on this machine. */
  readonly files: readonly { readonly path: string; readonly source: string }[];
  readonly remap: readonly RemapEntry[];
  /** Absolute paths that the scene names and that are missing. */
  readonly missing: readonly string[];
}

/** A folder deeper than this below its group's top becomes a group of its own, so that `maxDepth` holds. */
const MAX_DEPTH_IN_GROUP = PATH_LIMITS.maxDepth - 4;

interface PlacedFile {
  readonly source: string;
  readonly at: NativePath;
}

/** Files that keep their relative paths, and the deepest folder that contains them all. */
interface Group {
  top: NativePath;
  readonly files: PlacedFile[];
}

/**
 * Chooses the bundle paths of a scene's files. Files near the scene keep their relative paths, below
 * the deepest common folder; those from elsewhere go to `external/<n>/`. Names that
 * some file system cannot store are replaced. Each of these moves is a remap entry. Pure: no disk access.
 * Throws SCENE_NOT_FOUND when no scene is among the files.
 */
export function layoutBundle(files: readonly SceneFile[]): BundleLayout {
  const scene = files.find((file) => file.kind === "blend" && !file.missing);
  const sceneAt = scene && parseNative(scene.path);
  if (!scene || !sceneAt) throw new FarmError("SCENE_NOT_FOUND", "the scene file is not among the files to pack");
  const { placed, missing } = sortOut(files);
  const { main, others } = groupFiles([...placed.values()], sceneAt);
  const tree = new BundleTree();
  const laid = layGroup(tree, main, []);
  const external = others.length === 0 ? "" : tree.freeTopName("external");
  others.forEach((group, index) => laid.push(...layGroup(tree, group, [external, String(index + 1)])));
  const scenePath = laid.find((file) => file.source === placed.get(nativeKey(sceneAt))?.source)?.path;
  if (scenePath === undefined) throw new FarmError("SCENE_NOT_FOUND", "the scene file has no place in the bundle");
  const remap = [
    { from: formatNative(main.top), to: BUNDLE_ROOT },
    ...others.map((group, index) => ({ from: formatNative(group.top), to: `${external}/${index + 1}` })),
    ...tree.renamed(),
  ];
  return { scene: scenePath, files: laid.sort((a, b) => (a.path < b.path ? -1 : 1)), remap: unique(remap), missing };
}

/** Each path once, and the missing ones. */
function sortOut(files: readonly SceneFile[]): { placed: Map<string, PlacedFile>; missing: string[] } {
  const missing = new Set<string>();
  const placed = new Map<string, PlacedFile>();
  for (const file of files) {
    const at = parseNative(file.path);
    if (file.missing || at === undefined) missing.add(file.path);
    else if (!placed.has(nativeKey(at))) placed.set(nativeKey(at), { source: file.path, at });
  }
  return { placed, missing: [...missing].sort() };
}

function layGroup(tree: BundleTree, group: Group, below: readonly string[]): { path: string; source: string }[] {
  const byName = [...group.files].sort((a, b) => (nativeKey(a.at) < nativeKey(b.at) ? -1 : 1));
  return byName.map((file) => ({ source: file.source, path: tree.place(group.top, below, file.at) }));
}

/** The scene's own group first; the others in the order of their tops, so that numbers do not depend on input order. */
function groupFiles(files: readonly PlacedFile[], scene: NativePath): { main: Group; others: Group[] } {
  const groups = new Map<string, Group>();
  for (const file of files) {
    const folder = parentPathOf(file.at);
    const key = nativeKey(anchorOf(folder));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { top: folder, files: [file] });
    else {
      group.files.push(file);
      group.top = { ...group.top, segments: group.top.segments.slice(0, sharedDepth(group.top, folder)) };
    }
  }
  const mainKey = nativeKey(anchorOf(parentPathOf(scene)));
  const main = groups.get(mainKey) as Group;
  groups.delete(mainKey);
  const tooDeep = [main, ...groups.values()].flatMap(splitDeep);
  const others = [...groups.values(), ...tooDeep].filter((group) => group.files.length > 0);
  others.sort((a, b) => (nativeKey(a.top) < nativeKey(b.top) ? -1 : 1));
  return { main, others };
}

/** Splits folders that are too deep for a bundle path off from a group, one group each. */
function splitDeep(group: Group): Group[] {
  const split = new Map<string, Group>();
  const deep = group.files.filter((file) => file.at.segments.length - group.top.segments.length > MAX_DEPTH_IN_GROUP);
  for (const file of deep) {
    group.files.splice(group.files.indexOf(file), 1);
    const folder = parentPathOf(file.at);
    const own = split.get(nativeKey(folder)) ?? { top: folder, files: [] };
    own.files.push(file);
    split.set(nativeKey(folder), own);
  }
  return [...split.values()];
}

/**
 * The topmost folder that belongs to one owner or project. Above it are roots, parents of homes
 * and mount points: files that share only those count as unrelated, and their names reveal the user.
 */
function anchorOf(folder: NativePath): NativePath {
  for (let depth = 0; depth < folder.segments.length; depth++) {
    const top = { ...folder, segments: folder.segments.slice(0, depth) };
    if (!isShallow(top)) return top;
  }
  return folder;
}

const POSIX_SHALLOW =
  /^\/(?:|home|Users|var|var\/home|mnt|mnt\/[a-z]|mnt\/[a-z]\/Users|media|media\/[^/]+|run|run\/media|run\/media\/[^/]+|Volumes|net)$/u;
const WINDOWS_SHALLOW = /^[a-z]:\\(?:users|documents and settings)?$/u;

function isShallow(folder: NativePath): boolean {
  const text = nativeKey(folder);
  return folder.style === "posix" ? POSIX_SHALLOW.test(text) : WINDOWS_SHALLOW.test(text);
}

function unique(entries: readonly RemapEntry[]): RemapEntry[] {
  return [...new Map(entries.map((entry) => [entry.from, entry])).values()].sort((a, b) => (a.from < b.from ? -1 : 1));
}
