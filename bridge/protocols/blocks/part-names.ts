/** Parts that a fetch of this process currently writes. */
const taken = new Set<string>();

/** A part used by one fetch alone until it is disposed. */
export interface PartFile extends Disposable {
  readonly path: string;
}

/**
 * The first part beside `toPath` that no other fetch writes: `<toPath>.part`, then `.part2` and so on. Numbers, not
 * random names, so that parts of a killed process are continued and do not accumulate.
 */
export function acquirePart(toPath: string): PartFile {
  let path = `${toPath}.part`;
  for (let number = 2; taken.has(path); number++) path = `${toPath}.part${number}`;
  taken.add(path);
  return { path, [Symbol.dispose]: () => void taken.delete(path) };
}
