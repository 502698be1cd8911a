import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Metadata } from "sharp";
import { withoutDates } from "./dates.ts";

/** Decodes both one after the other, so that only the pixels of one are in memory. Files that cannot be decoded are compared as bytes. */
export async function sameTiff(ours: string, theirs: string): Promise<boolean> {
  const left = readFileSync(ours);
  const right = readFileSync(theirs);
  if (left.equals(right)) return true;
  const facts = await factsOf(left);
  if (facts === undefined) return withoutDates(left).equals(withoutDates(right));
  const theirFacts = await factsOf(right);
  if (theirFacts === undefined || !sameFacts(facts, theirFacts)) return false;
  const decoded = await pixelHash(left, facts);
  return decoded !== undefined && decoded === (await pixelHash(right, theirFacts));
}

async function factsOf(bytes: Buffer): Promise<Metadata | undefined> {
  const { default: sharp } = await import("sharp");
  return await sharp(bytes)
    .metadata()
    .catch(() => undefined);
}

const FACTS = ["width", "height", "channels", "depth", "space", "pages", "orientation", "hasAlpha"] as const;

function sameFacts(ours: Metadata, theirs: Metadata): boolean {
  const profile = (facts: Metadata) => facts.icc ?? Buffer.alloc(0);
  return FACTS.every((fact) => ours[fact] === theirs[fact]) && profile(ours).equals(profile(theirs));
}

/** A hash of the stored pixels; undefined when they cannot be decoded. */
async function pixelHash(bytes: Buffer, { depth, space, pages = 1 }: Metadata): Promise<string | undefined> {
  const { default: sharp } = await import("sharp");
  const picture = sharp(bytes, { pages: pages > 1 ? -1 : 1 });
  const deep = depth === "ushort" ? picture.toColourspace(space === "grey16" ? "grey16" : "rgb16") : picture;
  const pixels = await deep
    .raw({ depth: depth === "ushort" ? "ushort" : "uchar" })
    .toBuffer()
    .catch(() => undefined);
  return pixels && createHash("sha256").update(pixels).digest("hex");
}
