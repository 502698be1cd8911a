import { posix, type PlatformPath, win32 } from "node:path";

/** Which rules an absolute path follows; a backslash is a separator on one and a letter on the other. */
export type PathStyle = "posix" | "windows";

/** An absolute path in parts: "/", "C:" or "\\\\server\\share" and the names below it, without dots. */
export interface NativePath {
  readonly style: PathStyle;
  readonly root: string;
  readonly segments: readonly string[];
}

const DRIVE = /^(?:\\\\[?.]\\)?([A-Za-z]):(?:[\\/]|$)/u;
const UNC = /^(?:\\\\\?\\UNC|\\|\/)[\\/]([^\\/]+)[\\/]([^\\/]+)/u;

export function pathStyleOf(path: string): PathStyle {
  return DRIVE.test(path) || path.startsWith("\\\\") ? "windows" : "posix";
}

/** The path functions for paths below this one: those inside a container are POSIX on every system. */
export function pathsBelow(root: string): PlatformPath {
  return pathStyleOf(root) === "windows" ? win32 : posix;
}

/** Parses an absolute path; undefined when it is not absolute. */
export function parseNative(path: string): NativePath | undefined {
  if (pathStyleOf(path) === "posix") {
    return path.startsWith("/") ? { style: "posix", root: "/", segments: resolveDots(path.split("/")) } : undefined;
  }
  const drive = DRIVE.exec(path);
  if (drive)
    return { style: "windows", root: `${drive[1]?.toUpperCase()}:`, segments: resolveDots(path.slice(drive[0].length).split(/[\\/]/u)) };
  const share = UNC.exec(path);
  if (!share) return undefined;
  return { style: "windows", root: `\\\\${share[1]}\\${share[2]}`, segments: resolveDots(path.slice(share[0].length).split(/[\\/]/u)) };
}

/** The absolute path as its own system writes it. */
export function formatNative(path: NativePath): string {
  if (path.style === "posix") return `/${path.segments.join("/")}`;
  return path.segments.length === 0 ? `${path.root}\\` : `${path.root}\\${path.segments.join("\\")}`;
}

export function parentPathOf(path: NativePath): NativePath {
  return { ...path, segments: path.segments.slice(0, -1) };
}

/** Equal names on that system: Windows ignores case. */
export function sameName(a: string, b: string, style: PathStyle): boolean {
  return style === "posix" ? a === b : a.toLowerCase() === b.toLowerCase();
}

export function sameRoot(a: NativePath, b: NativePath): boolean {
  return a.style === b.style && sameName(a.root, b.root, a.style);
}

/** How many leading names two paths of one root have in common. */
export function sharedDepth(a: NativePath, b: NativePath): number {
  let depth = 0;
  while (depth < a.segments.length && depth < b.segments.length) {
    if (!sameName(a.segments[depth] ?? "", b.segments[depth] ?? "", a.style)) break;
    depth++;
  }
  return depth;
}

/** A key that is equal for equal paths. */
export function nativeKey(path: NativePath): string {
  const text = formatNative(path);
  return path.style === "posix" ? text : text.toLowerCase();
}

function resolveDots(parts: readonly string[]): string[] {
  const segments: string[] = [];
  for (const part of parts) {
    if (part === "..") segments.pop();
    else if (part !== "" && part !== ".") segments.push(part);
  }
  return segments;
}
