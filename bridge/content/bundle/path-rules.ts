/** Limits on every number in a received path. */
export const PATH_LIMITS = {
  /** Below the 255 bytes of every common file system, with room for a suffix. */
  maxSegmentBytes: 240,
  maxDepth: 32,
  maxPathBytes: 2048,
} as const;

/** C0, DEL and C1 controls. */
const CONTROL = /\p{Cc}/u;
/** Characters that HFS+ ignores when it compares names, and direction marks that make a name look like another. */
const INVISIBLE = /[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;
/** No Windows file name may hold these; the colon also opens alternate data streams. */
const WINDOWS_FORBIDDEN = /[<>:"|?*\\]/u;
/** Devices, also with an extension or with spaces before it; Windows reads superscript digits as digits. */
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(?:\.|$)/iu;

const utf8 = new TextEncoder();

const SEGMENT_RULES: readonly (readonly [string, (segment: string) => boolean])[] = [
  ["is empty", (segment) => segment === ""],
  ["is a dot segment", (segment) => segment === "." || segment === ".."],
  ["is not valid Unicode", (segment) => !segment.isWellFormed()],
  ["is not in NFC", (segment) => segment !== segment.normalize("NFC")],
  ["holds a control character", (segment) => CONTROL.test(segment)],
  ["holds an invisible character", (segment) => INVISIBLE.test(segment)],
  ["holds a character that Windows forbids", (segment) => WINDOWS_FORBIDDEN.test(segment)],
  ["is a Windows device", (segment) => WINDOWS_DEVICE.test(segment)],
  ["ends in a dot or a space", (segment) => /[. ]$/u.test(segment)],
  [`is over ${PATH_LIMITS.maxSegmentBytes} bytes`, (segment) => utf8.encode(segment).length > PATH_LIMITS.maxSegmentBytes],
];

/** Why this segment is not a valid file or folder name on every system; undefined when it is. */
export function segmentFault(segment: string): string | undefined {
  return SEGMENT_RULES.find(([, breaks]) => breaks(segment))?.[0];
}

/** Why this is not a path inside a bundle (relative, POSIX, safe on every system); undefined when it is one. */
export function bundlePathFault(path: string): string | undefined {
  if (path === "") return "the path is empty";
  // UTF-16 units never outnumber UTF-8 bytes, so the cheap check stands before the split.
  if (path.length > PATH_LIMITS.maxPathBytes || utf8.encode(path).length > PATH_LIMITS.maxPathBytes) {
    return `the path is over ${PATH_LIMITS.maxPathBytes} bytes`;
  }
  const segments = path.split("/");
  if (segments.length > PATH_LIMITS.maxDepth) return `the path is deeper than ${PATH_LIMITS.maxDepth}`;
  for (const segment of segments) {
    const fault = segmentFault(segment);
    if (fault !== undefined) return `a segment ${fault}`;
  }
  return undefined;
}

/** Equal for paths that are the same to some file system: full case folding, then NFC. */
export function foldPath(path: string): string {
  return path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}

/** A similar safe name: equal for equal segments, so that numbered sequences stay sequences. */
export function safeSegment(segment: string): string {
  const clean = segment
    .toWellFormed()
    .normalize("NFC")
    .replace(new RegExp(`${CONTROL.source}|${INVISIBLE.source}|${WINDOWS_FORBIDDEN.source}|/`, "gu"), "_")
    .replace(/[. ]+$/u, (tail) => "_".repeat(tail.length));
  const named = clean === "" ? "_" : WINDOWS_DEVICE.test(clean) ? `_${clean}` : clean;
  return fitSegment(named, "");
}

/** Puts `suffix` before the extension, cutting the name where it would grow too long. */
export function fitSegment(segment: string, suffix: string): string {
  const dot = segment.lastIndexOf(".");
  const hasExtension = dot > 0 && segment.length - dot <= 16;
  let stem = hasExtension ? segment.slice(0, dot) : segment;
  const tail = suffix + (hasExtension ? segment.slice(dot) : "");
  // Room is left for a numbering suffix; a code point is removed at a time, so no surrogate is split.
  while (utf8.encode(stem + tail).length > PATH_LIMITS.maxSegmentBytes) stem = [...stem].slice(0, -1).join("");
  return (stem + tail).normalize("NFC");
}
