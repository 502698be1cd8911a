/** Parts that a fetch of this process writes to now. */
const taken = new Set<string>();

/** A part that belongs to one fetch alone until it is disposed of. */
export interface TakenPart extends Disposable {
  readonly path: string;
}

/**
 * The first part beside `toPath` that no other fetch writes to: `<toPath>.part`, then `.part2` and on. Numbers, not
 * chance, so that what a killed process left is gone on with and nothing piles up.
 */
export function takePart(toPath: string): TakenPart {
  let path = `${toPath}.part`;
  for (let number = 2; taken.has(path); number++) path = `${toPath}.part${number}`;
  taken.add(path);
  return { path, [Symbol.dispose]: () => void taken.delete(path) };
}
