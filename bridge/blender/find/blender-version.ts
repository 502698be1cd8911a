/** Oldest Blender that the bridge's scripts work with. */
export const OLDEST_BLENDER = "3.4";

/** Orders dotted version numbers: negative when `a` is older than `b`, 0 when equal ("3.4" equals "3.4.0"). */
export function compareVersions(a: string, b: string): number {
  const numbers = (version: string) => [...version.split(".").map(Number), 0, 0, 0].slice(0, 3);
  const right = numbers(b);
  return numbers(a).reduce((order, part, index) => order || part - (right[index] ?? 0), 0);
}
