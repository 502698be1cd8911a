import type { RemapEntry } from "./manifest.ts";
import { formatNative, type NativePath, type PathStyle } from "./native-path.ts";
import { fitSegment, foldPath, safeSegment, segmentFault } from "./path-rules.ts";

interface Folder {
  /** Case-folded names already used in this folder. */
  readonly taken: Set<string>;
  /** Original name -> name in the bundle; a folder and a file never share an entry. */
  readonly names: Map<string, string>;
  readonly folders: Map<string, Folder>;
}

/** The names in a bundle: each is safe, and unique also when case is ignored. */
export class BundleTree {
  readonly #root: Folder = emptyFolder();
  readonly #renamed = new Map<string, string>();

  /** Assigns `file` (somewhere below `top`) its path in the bundle, inside the folder `below`. */
  place(top: NativePath, below: readonly string[], file: NativePath): string {
    let folder = this.#root;
    for (const name of below) folder = this.#enter(folder, name);
    const path = [...below];
    for (let depth = top.segments.length; depth < file.segments.length; depth++) {
      const original = file.segments[depth] ?? "";
      const isFile = depth === file.segments.length - 1;
      const name = this.#nameIn(folder, original, isFile, file.style);
      path.push(name);
      if (name !== original) this.#renamed.set(formatNative({ ...file, segments: file.segments.slice(0, depth + 1) }), path.join("/"));
      if (!isFile) folder = this.#enter(folder, name);
    }
    return path.join("/");
  }

  /** An unused name for a new folder at the top. */
  freeTopName(wanted: string): string {
    return freeName(this.#root, wanted);
  }

  /** A remap entry for each folder or file whose own name could not be kept. */
  renamed(): RemapEntry[] {
    return [...this.#renamed].map(([from, to]) => ({ from, to }));
  }

  #enter(folder: Folder, name: string): Folder {
    folder.taken.add(foldPath(name));
    const inner = folder.folders.get(name) ?? emptyFolder();
    folder.folders.set(name, inner);
    return inner;
  }

  #nameIn(folder: Folder, original: string, isFile: boolean, style: PathStyle): string {
    const key = `${isFile ? "file" : "folder"}:${style === "posix" ? original : original.toLowerCase()}`;
    const known = folder.names.get(key);
    if (known !== undefined) return known;
    const name = freeName(folder, segmentFault(original) === undefined ? original : safeSegment(original));
    folder.names.set(key, name);
    folder.taken.add(foldPath(name));
    return name;
  }
}

function freeName(folder: Folder, wanted: string): string {
  let name = wanted;
  for (let number = 2; folder.taken.has(foldPath(name)); number++) name = fitSegment(wanted, `_${number}`);
  return name;
}

function emptyFolder(): Folder {
  return { taken: new Set(), names: new Map(), folders: new Map() };
}
