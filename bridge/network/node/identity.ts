import { constants } from "node:fs";
import { copyFile, link, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import type { PrivateKey } from "@libp2p/interface";
import { systemDisk } from "../../kernel/disk.ts";
import { FarmError } from "../../kernel/errors.ts";

const FILE = "identity.key";

/**
 * The Ed25519 key of a home, created on first use. Two simultaneous first starts get the same key.
 * Throws IDENTITY_DAMAGED, HOME_NOT_WRITABLE.
 */
export async function loadIdentity(home: string): Promise<PrivateKey> {
  const path = join(home, FILE);
  const present = await readKey(path);
  if (present) return present;
  try {
    await systemDisk.mkdir(home, { recursive: true, mode: 0o700 });
    await placeNewKey(home, path);
  } catch (cause) {
    throw new FarmError("HOME_NOT_WRITABLE", `cannot store an identity in ${home}`, { facts: { home }, cause });
  }
  const placed = await readKey(path);
  if (!placed) throw new FarmError("HOME_NOT_WRITABLE", `the identity in ${home} was removed`, { facts: { home } });
  return placed;
}

/** A key for one run only, not stored. */
export function ephemeralIdentity(): Promise<PrivateKey> {
  return generateKeyPair("Ed25519");
}

async function readKey(path: string): Promise<PrivateKey | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FarmError("IDENTITY_DAMAGED", `cannot read the identity ${path}`, { facts: { path }, cause });
  }
  try {
    const key = privateKeyFromProtobuf(bytes);
    if (key.type !== "Ed25519") throw new TypeError(`an ${key.type} key, not Ed25519`);
    return key;
  } catch (cause) {
    throw new FarmError("IDENTITY_DAMAGED", `the identity ${path} is not a key`, { facts: { path }, cause });
  }
}

/** Writes a temporary file, then hard-links it into place: a link never replaces, so the first one wins and is complete. */
async function placeNewKey(home: string, path: string): Promise<void> {
  const key = await generateKeyPair("Ed25519");
  const temporary = join(home, `${FILE}.${process.pid}.${crypto.randomUUID()}`);
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(privateKeyToProtobuf(key));
      await file.sync();
    } finally {
      await file.close();
    }
    await placeOnce(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function placeOnce(from: string, to: string): Promise<void> {
  try {
    // Some file systems (exFAT) have no hard links.
    await link(from, to).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") throw error;
      return copyFile(from, to, constants.COPYFILE_EXCL);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
