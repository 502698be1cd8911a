import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { readFully } from "./exr/exr-file.ts";
import { withoutDates } from "./same/dates.ts";
import { sameExr } from "./same/exr.ts";
import { cineonPicture, dpxPicture, hdrPicture, tgaPicture } from "./same/headed.ts";
import { sameOrientation } from "./same/orientation.ts";
import { type ImageDataSegments, samePieces } from "./same/image-data-segments.ts";
import { samePng } from "./same/png.ts";
import { jp2Picture, jpegPicture, webpPicture } from "./same/segments.ts";
import { sameTiff } from "./same/tiff.ts";

/** Our own file and the checked one. */
type Compare = (ours: string, theirs: string) => boolean | Promise<boolean>;

/** A file that is larger than ours by this much is not read: metadata are small, and all Blenders compress equally well. */
const SIZE_LIMITS = { factor: 4, slackBytes: 16 * 1024 * 1024 } as const;

/**
 * Whether two files of one format hold the same picture, pixel by pixel at full depth: metadata (dates, paths, names of
 * machines) are ignored. Files of an unknown format are equal when their bytes are, except dates.
 *
 * Blocks for most formats; `Media.samePicture` runs it in a worker.
 */
export async function samePicture(ours: string, theirs: string): Promise<boolean> {
  if (statSync(theirs).size > statSync(ours).size * SIZE_LIMITS.factor + SIZE_LIMITS.slackBytes) return false;
  const format = formatOf(ours);
  return format === formatOf(theirs) && (await COMPARED[format](ours, theirs));
}

type Format = "png" | "jpeg" | "exr" | "tiff" | "webp" | "hdr" | "dpx" | "cineon" | "tga" | "jp2" | "other";

const COMPARED: Readonly<Record<Format, Compare>> = {
  png: async (ours, theirs) => samePng(readFileSync(ours), readFileSync(theirs)) && (await sameOrientation(ours, theirs)),
  jpeg: async (ours, theirs) => byPieces(jpegPicture)(ours, theirs) && (await sameOrientation(ours, theirs)),
  webp: async (ours, theirs) => byPieces(webpPicture)(ours, theirs) && (await sameOrientation(ours, theirs)),
  tiff: sameTiff,
  exr: sameExr,
  hdr: byPieces(hdrPicture),
  dpx: byPieces(dpxPicture),
  cineon: byPieces(cineonPicture),
  tga: byPieces(tgaPicture),
  jp2: byPieces(jp2Picture),
  other: byPieces((bytes) => [withoutDates(bytes)]),
};

/** The first bytes of each format, and those at its eighth byte if needed; TGA is recognised by its end. */
const BEGINNINGS: readonly (readonly [Format, string, string?])[] = [
  ["png", "\x89PNG\r\n\x1a\n"],
  ["jpeg", "\xff\xd8\xff"],
  ["exr", "\x76\x2f\x31\x01"],
  ["tiff", "II*\0"],
  ["tiff", "MM\0*"],
  ["tiff", "II+\0"],
  ["tiff", "MM\0+"],
  ["webp", "RIFF", "WEBP"],
  ["hdr", "#?"],
  ["dpx", "SDPX"],
  ["dpx", "XPDS"],
  ["cineon", "\x80\x2a\x5f\xd7"],
  ["cineon", "\xd7\x5f\x2a\x80"],
  ["jp2", "\0\0\0\x0cjP  \r\n\x87\n"],
];

function formatOf(path: string): Format {
  const descriptor = openSync(path, "r");
  try {
    const first = Buffer.alloc(16);
    readFully(descriptor, first, 0);
    const start = first.toString("latin1");
    const known = BEGINNINGS.find(([, beginning, eighth = ""]) => start.startsWith(beginning) && start.startsWith(eighth, 8));
    return known?.[0] ?? (endsAsTga(descriptor, path) ? "tga" : "other");
  } finally {
    closeSync(descriptor);
  }
}

function endsAsTga(descriptor: number, path: string): boolean {
  const last = Buffer.alloc(18);
  readFully(descriptor, last, Math.max(0, statSync(path).size - last.length));
  return last.toString("latin1") === "TRUEVISION-XFILE.\0";
}

/** Compares the picture data found by a format's reader. */
function byPieces(pictureOf: (bytes: Buffer) => ImageDataSegments): (ours: string, theirs: string) => boolean {
  return (ours, theirs) => samePieces(pictureOf(readFileSync(ours)), pictureOf(readFileSync(theirs)));
}
