/** Oldest Blender that the bridge's scripts work with. */
export const OLDEST_BLENDER = "3.4";

/** Orders dotted version numbers: negative when `a` is older than `b`, 0 when equal ("3.4" equals "3.4.0"). */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  const length = Math.max(left?.length ?? 0, right?.length ?? 0);
  for (let part = 0; part < length; part++) {
    const difference = (left?.[part] ?? 0) - (right?.[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
