import { describe, expect, it } from "vitest";
import { planOf } from "./fixtures/plan-of.ts";
import { Simulation } from "./fixtures/simulated-swarm.ts";
import { DEFAULT_POLICY } from "./policy.ts";
import { startSchedule } from "./schedule.ts";
import { step } from "./step.ts";

describe("step, at full size", () => {
  it("decides in less than a millisecond on average with 100,000 chunks and 1,000 donors", () => {
    const costs = Array.from({ length: 100_000 }, (_, index) => 5 + (index % 13));
    const policy = { ...DEFAULT_POLICY, verify: "spot", secret: "s" } as const;
    const plan = planOf({ costs });
    let schedule = startSchedule(plan);
    const times: number[] = [];
    const donors = Array.from({ length: 1_000 }, (_, index) => ({ id: `d${index}`, slots: 1, speed: 1 + (index % 5), ...(index % 10 === 9 ? { leavesAt: 1_000 * index } : {}) }));
    const simulation = new Simulation({ donors, costs: new Map(plan.chunks.map(({ id, cost }) => [id, cost])) }, (event) => {
      const before = performance.now();
      const turn = step(schedule, event, policy);
      times.push(performance.now() - before);
      schedule = turn.schedule;
      return turn.effects;
    });
    simulation.run(24 * 3_600_000);
    times.sort((a, b) => a - b);
    const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
    expect(simulation.ended).toBe("complete");
    expect(mean).toBeLessThan(1);
    expect(times[Math.floor(times.length * 0.99)]).toBeLessThan(5);
  });
});
