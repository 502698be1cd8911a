import { BUNDLE_ROOT, type RemapEntry, type SceneManifest } from "./manifest.ts";
import { formatNative, type NativePath, nativeKey, parseNative, pathsBelow, sameRoot, sharedDepth } from "./native-path.ts";

/** With more groups than this, relative references between them are not remapped; scenes have a handful. */
const MAX_GROUPS = 16;

interface Move {
  readonly from: NativePath;
  readonly to: string;
}

/**
 * The remapping of Blender's paths on this machine, `root` being the extracted bundle.
 *
 * Three kinds of keys: paths on the requester's machine (absolute references); where a
 * relative reference out of one group of files into another, or to a renamed file, ends up when it is
 * resolved here; and, if one of these prefixes contains our own folder, `root` itself, so that
 * files already in place are not remapped.
 */
export function remapFor(manifest: SceneManifest, root: string): Record<string, string> {
  const moves = manifest.remap.flatMap((entry) => toMove(entry));
  const byFrom = new Map(moves.map((move) => [nativeKey(move.from), move]));
  const groups = moves.filter((move) => !isRename(move, byFrom)).slice(0, MAX_GROUPS);
  const remap = relativeMoves(groups, moves, root, realPaths(manifest, root));
  for (const move of moves) {
    // The root of a file system as a prefix would match every path: its files are listed one by one.
    if (move.from.segments.length > 0 || move.from.style === "windows") remap[formatNative(move.from)] = placeOf(root, move.to);
    else for (const file of ownFiles(manifest, move.to)) remap[`/${file}`] = pathsBelow(root).join(placeOf(root, move.to), file);
  }
  const { sep } = pathsBelow(root);
  if (Object.keys(remap).some((prefix) => root.startsWith(prefix.endsWith(sep) ? prefix : prefix + sep))) remap[root] = root;
  return remap;
}

/** Where relative references from each group to every other moved path resolve to, unless a file exists there. */
function relativeMoves(groups: readonly Move[], moves: readonly Move[], root: string, real: ReadonlySet<string>): Record<string, string> {
  const remap: Record<string, string> = {};
  for (const group of groups) {
    const here = placeOf(root, group.to);
    for (const move of moves) {
      if (move === group || !sameRoot(group.from, move.from)) continue;
      const key = pathsBelow(root).resolve(here, ...relative(group.from, move.from));
      if (!real.has(key)) remap[key] = placeOf(root, move.to);
    }
  }
  return remap;
}

/** The relative path from one folder to another path of the same root, with "..". */
function relative(from: NativePath, to: NativePath): string[] {
  const shared = sharedDepth(from, to);
  return [...from.segments.slice(shared).map(() => ".."), ...to.segments.slice(shared)];
}

/** A file or folder whose name changed, but not its parent. */
function isRename(move: Move, byFrom: ReadonlyMap<string, Move>): boolean {
  for (let depth = move.from.segments.length - 1; depth >= 0; depth--) {
    const around = byFrom.get(nativeKey({ ...move.from, segments: move.from.segments.slice(0, depth) }));
    if (around === undefined) continue;
    const inside = around.to === BUNDLE_ROOT || move.to.startsWith(`${around.to}/`);
    return inside && move.from.segments.length - depth === depthOf(move.to) - depthOf(around.to);
  }
  return false;
}

function depthOf(to: string): number {
  return to === BUNDLE_ROOT ? 0 : to.split("/").length;
}

/** Every file of the bundle and every folder that contains one, by their paths on this machine. */
function realPaths(manifest: SceneManifest, root: string): Set<string> {
  const real = new Set<string>([root]);
  for (const file of manifest.files) {
    const segments = file.path.split("/");
    for (let depth = 1; depth <= segments.length; depth++) real.add(pathsBelow(root).join(root, ...segments.slice(0, depth)));
  }
  return real;
}

/** Files directly in a group's top folder, as names below it. */
function ownFiles(manifest: SceneManifest, to: string): string[] {
  const prefix = to === BUNDLE_ROOT ? "" : `${to}/`;
  return manifest.files
    .filter((file) => file.path.startsWith(prefix) && !file.path.slice(prefix.length).includes("/"))
    .map((file) => file.path.slice(prefix.length));
}

function placeOf(root: string, to: string): string {
  return to === BUNDLE_ROOT ? root : pathsBelow(root).join(root, ...to.split("/"));
}

function toMove(entry: RemapEntry): Move[] {
  const from = parseNative(entry.from);
  return from === undefined ? [] : [{ from, to: entry.to }];
}
