import { randomBytes } from "node:crypto";
import { systemClock } from "../kernel/clock.ts";
import { sha256 } from "../kernel/ids.ts";
import { silentLog } from "../kernel/log.ts";
import { openBlockStore } from "./block-store.ts";

/** Puts block after block until it is killed, a line for each that is safe. */
const store = await openBlockStore({ directory: process.argv[2] as string, capBytes: 2 ** 40 }, { clock: systemClock, log: silentLog });
const putForever = async () => {
  while (true) {
    const content = new Uint8Array(randomBytes(700_000));
    await store.put(sha256(content), content);
    process.stdout.write(".\n");
  }
};
await Promise.all([putForever(), putForever(), putForever()]);
