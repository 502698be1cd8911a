import { systemDisk } from "../../kernel/disk.ts";
import type { World } from "../../kernel/world.ts";
import { Random } from "../random.ts";
import { SteppedClock } from "./steps.ts";

/** A world whose time only the test moves. */
export function steppedWorld() {
  const clock = new SteppedClock();
  const chance = new Random(1);
  const random = { fraction: () => chance.unit(), bytes: (count: number) => Buffer.alloc(count, 7) };
  const world: World = { clock, timers: clock, random, disk: systemDisk };
  /** Second by second; what is due in between has its turn. */
  const pass = async (seconds: number) => {
    for (let step = 0; step < seconds * 4; step++) {
      clock.advance(250);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  };
  return { world, pass, clock };
}
