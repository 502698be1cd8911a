import { join } from "node:path";
import { z } from "zod";
import type { Home } from "../../config/home.ts";
import { GATEWAY_PROTOCOL } from "../../gateway/wire/limits.ts";
import type { Disk } from "../../kernel/disk.ts";
import { replaceFile } from "../../kernel/files/atomic-file.ts";
import { VERSION } from "../../kernel/version.ts";
import type { World } from "../../kernel/world.ts";

/** How a program of this machine finds the bridge that serves a home. */
const GatewayFile = z.looseObject({
  protocol: z.int(),
  version: z.string().max(64),
  pid: z.int().positive(),
  port: z.int().min(1).max(65_535),
  tokenFile: z.string().max(4_096),
  startedAt: z.number(),
  /** As in the welcome message: a client that finds this file shares the disk with the bridge. */
  session: z.string().max(64),
});
export type GatewayFile = z.infer<typeof GatewayFile>;

type Place = Pick<Home, "root">;

function pathOf({ root }: Place): string {
  return join(root, "gateway.json");
}

/** The file of this home; undefined if there is none. It may be left by a killed bridge. */
export async function readGatewayFile(disk: Pick<Disk, "readFile">, home: Place): Promise<GatewayFile | undefined> {
  try {
    return GatewayFile.parse(JSON.parse(String(await disk.readFile(pathOf(home)))));
  } catch {
    return undefined;
  }
}

/** Writes the serving process, and the token, readable by its owner only. Disposing removes both. */
export async function writeGatewayFiles(
  { clock, disk }: Pick<World, "clock" | "disk">,
  home: Place,
  { token, session }: { readonly token: string; readonly session: string },
  port: number,
): Promise<GatewayFile & AsyncDisposable> {
  const tokenFile = join(home.root, "gateway.token");
  const file = { protocol: GATEWAY_PROTOCOL, version: VERSION, pid: process.pid, port, tokenFile, startedAt: clock.now(), session };
  await replace(disk, tokenFile, token);
  await replace(disk, pathOf(home), `${JSON.stringify(file, null, 2)}\n`); // last: a client that finds it also finds the token
  const remove = async () => {
    for (const path of [pathOf(home), tokenFile]) await disk.rm(path, { force: true });
  };
  return { ...file, [Symbol.asyncDispose]: remove };
}

async function replace(disk: Disk, path: string, text: string): Promise<void> {
  await replaceFile(disk, path, text, { beside: `${path}.new`, mode: 0o600 });
}
