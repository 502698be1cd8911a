import { open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { systemDisk } from "../../kernel/disk.ts";
import { FarmError } from "../../kernel/errors.ts";
import { processBirthOf, isRunning } from "../../kernel/process-identity.ts";

const FOLDER = "locks";
const LOCK_LIMITS = { attempts: 6, retryMs: 20, maxFileBytes: 1024 } as const;

/** The holder of a lock. `bornAt` distinguishes a process from a later one with the same pid, if the system provides it. */
const Holder = z.strictObject({ pid: z.int().positive(), bornAt: z.string().max(200), token: z.uuid() });
type Holder = z.infer<typeof Holder>;

/** Locks held by this process: after a restart in a container the dead holder may have had our pid. */
const ownTokens = new Set<string>();

/**
 * Locks a home for this process until disposed: two nodes with one identity would get each other's traffic without
 * any error. A lock of a dead process is ignored, so `kill -9` does no harm.
 *
 * Every contender creates its own file and then lists the others: of two at once at least one sees the other, and
 * no file of a running process is ever removed.
 * Throws HOME_BUSY, HOME_NOT_WRITABLE.
 */
export async function lockHome(home: string): Promise<AsyncDisposable> {
  const folder = join(home, FOLDER);
  for (let attempt = 1; ; attempt++) {
    const own = await createLockFile(home, folder);
    const other = await otherHolder(folder, own.holder.token);
    if (!other) return { [Symbol.asyncDispose]: own.remove };
    await own.remove();
    if (attempt === LOCK_LIMITS.attempts) {
      throw new FarmError("HOME_BUSY", `process ${other.pid} uses the home ${home}`, { facts: { home, pid: other.pid } });
    }
    await delay(LOCK_LIMITS.retryMs * (0.5 + Math.random()));
  }
}

async function createLockFile(home: string, folder: string): Promise<{ holder: Holder; remove: () => Promise<void> }> {
  const token = crypto.randomUUID();
  const holder: Holder = { pid: process.pid, bornAt: await startedAt(process.pid), token };
  const path = join(folder, `${process.pid}-${token}.json`);
  const remove = async () => {
    await rm(path, { force: true });
    ownTokens.delete(token);
  };
  try {
    await systemDisk.mkdir(folder, { recursive: true, mode: 0o700 });
    ownTokens.add(token);
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(JSON.stringify(holder));
    } finally {
      await file.close();
    }
    return { holder, remove };
  } catch (cause) {
    await remove().catch(() => undefined);
    throw new FarmError("HOME_NOT_WRITABLE", `cannot write to the home ${home}`, { facts: { home }, cause });
  }
}

async function otherHolder(folder: string, ownToken: string): Promise<Pick<Holder, "pid"> | undefined> {
  for (const name of await readdir(folder)) {
    if (name.includes(ownToken)) continue;
    const path = join(folder, name);
    const holder = await readHolder(path, name);
    if (!holder) continue;
    if (await isAlive(holder)) return holder;
    await rm(path, { force: true });
  }
  return undefined;
}

/** A file that was just created and is still empty counts by its name alone. */
async function readHolder(path: string, name: string): Promise<Holder | undefined> {
  const named = /^(\d{1,10})-([0-9a-f-]{36})\.json$/.exec(name);
  if (!named) return undefined;
  try {
    const text = await readFile(path, "utf8");
    if (text.length > 0 && text.length <= LOCK_LIMITS.maxFileBytes) return Holder.parse(JSON.parse(text));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  }
  return { pid: Number(named[1]), bornAt: "", token: named[2] ?? "" };
}

async function isAlive(holder: Holder): Promise<boolean> {
  if (holder.pid === process.pid) return ownTokens.has(holder.token);
  if (!isRunning(holder.pid)) return false;
  const born = await startedAt(holder.pid);
  return born === "" || holder.bornAt === "" || born === holder.bornAt;
}

/** Boot and start time of a process, on Linux; "" elsewhere. */
async function startedAt(pid: number): Promise<string> {
  const { boot = "", startTicks = "" } = (await processBirthOf(pid)) ?? {};
  return boot === "" ? "" : `${boot}:${startTicks}`;
}
