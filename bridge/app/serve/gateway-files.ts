import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Home } from "../../config/home.ts";
import { GATEWAY_PROTOCOL } from "../../gateway/wire/limits.ts";
import { systemDisk } from "../../kernel/disk.ts";
import { replaceFile } from "../../kernel/files/atomic-file.ts";
import { VERSION } from "../../kernel/version.ts";
import { systemClock } from "../../kernel/clock.ts";

/** How a program of this machine finds the bridge that serves a home. */
const GatewayFile = z.looseObject({
  protocol: z.int(),
  version: z.string().max(64),
  pid: z.int().positive(),
  port: z.int().min(1).max(65_535),
  tokenFile: z.string().max(4_096),
  startedAt: z.number(),
  /** As in the welcome: who finds it here shares this disk with the bridge. */
  session: z.string().max(64),
});
export type GatewayFile = z.infer<typeof GatewayFile>;

type Place = Pick<Home, "root">;

function pathOf({ root }: Place): string {
  return join(root, "gateway.json");
}

/** The file of this home; undefined where there is none. It may tell of a bridge that was killed. */
export async function readGatewayFile(home: Place): Promise<GatewayFile | undefined> {
  try {
    return GatewayFile.parse(JSON.parse(await readFile(pathOf(home), "utf8")));
  } catch {
    return undefined;
  }
}

/** Tells who serves, and the token to its owner alone. Disposing takes both back. */
export async function writeGatewayFiles(
  home: Place,
  { token, session }: { readonly token: string; readonly session: string },
  port: number,
): Promise<GatewayFile & AsyncDisposable> {
  const tokenFile = join(home.root, "gateway.token");
  const file = { protocol: GATEWAY_PROTOCOL, version: VERSION, pid: process.pid, port, tokenFile, startedAt: systemClock.now(), session };
  await replace(tokenFile, token);
  await replace(pathOf(home), `${JSON.stringify(file, null, 2)}\n`); // last: who finds it finds the token
  const remove = async () => {
    for (const path of [pathOf(home), tokenFile]) await rm(path, { force: true });
  };
  return { ...file, [Symbol.asyncDispose]: remove };
}

async function replace(path: string, text: string): Promise<void> {
  await replaceFile(systemDisk, path, text, { beside: `${path}.new`, mode: 0o600 });
}
