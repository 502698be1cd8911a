import { systemDisk } from "../../kernel/disk.ts";
import type { World } from "../../kernel/world.ts";
import { Random } from "../random.ts";
import { SteppedClock } from "../simulation/steps.ts";

/** A world whose time is advanced by the test only. */
export function steppedWorld() {
  const clock = new SteppedClock();
  const chance = new Random(1);
  const random = { fraction: () => chance.unit(), bytes: (count: number) => Buffer.alloc(count, 7) };
  const world: World = { clock, timers: clock, random, disk: systemDisk };
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  /** Advances a quarter of a second at a time; pending work runs before and in between. */
  const pass = async (seconds: number) => {
    await turn();
    for (let step = 0; step < seconds * 4; step++) {
      clock.advance(250);
      await turn();
    }
  };
  return { world, pass, clock };
}
