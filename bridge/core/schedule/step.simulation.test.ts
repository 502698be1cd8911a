import type { VerifyLevel } from "../job/option-schemas.ts";
import { describe, expect, it } from "vitest";
import { ObservedJob } from "./fixtures/observed-job.ts";
import { planOf, type PlanShape } from "./fixtures/plan-of.ts";
import { type SimulatedDonor, type SimulatedSwarm, Simulation } from "./fixtures/simulated-swarm.ts";
import { DEFAULT_POLICY } from "./policy.ts";
import type { ScheduleEffect } from "./types.ts";

const HOUR_MS = 3_600_000;

function simulate(shape: PlanShape, swarm: Omit<SimulatedSwarm, "costs">, verify: VerifyLevel = "off") {
  const job = new ObservedJob(shape, { ...DEFAULT_POLICY, verify, secret: "s" });
  const costs = new Map(planOf(shape).chunks.map(({ id, cost }) => [id, cost]));
  const simulation = new Simulation({ ...swarm, costs }, (event) => job.say(event));
  const seconds = simulation.run(24 * HOUR_MS) / 1_000;
  const accepted = job.effects.filter((effect) => effect.type === "accept");
  const of = (type: ScheduleEffect["type"]) => job.effects.filter((effect) => effect.type === type);
  return { job, seconds, accepted, of, outcome: simulation.ended };
}

function donors(count: number, make: (index: number) => Partial<SimulatedDonor>): SimulatedDonor[] {
  return Array.from({ length: count }, (_, index) => ({ id: `d${index}`, slots: 1, speed: 1, ...make(index) }));
}

/** The shortest time for this work at these speeds if it could be split without limit. */
function fluidSeconds(costs: readonly number[], swarm: readonly SimulatedDonor[]): number {
  return costs.reduce((sum, cost) => sum + cost, 0) / swarm.reduce((sum, { speed, slots }) => sum + speed * slots, 0);
}

/** The same uneven costs every time. */
function unevenCosts(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 2 + ((index * 7_919) % 97) / 12);
}

describe("a simulated swarm", () => {
  it("keeps donors of different speeds busy: at least 0.9 of the ideal throughput", () => {
    const costs = unevenCosts(600);
    const swarm = donors(12, (index) => ({ speed: [1, 1, 2, 4, 0.5, 8][index % 6] as number, slots: 1 + (index % 2) }));
    const { seconds, outcome } = simulate({ costs }, { donors: swarm });
    expect(outcome).toBe("complete");
    expect(fluidSeconds(costs, swarm) / seconds).toBeGreaterThan(0.9);
  });

  it("with as many equal donors as chunks, each renders one", () => {
    const { accepted, seconds } = simulate({ costs: [10, 10, 10, 10] }, { donors: donors(4, () => ({})) });
    expect(new Set(accepted.map(({ donor }) => donor)).size).toBe(4);
    expect(seconds).toBeLessThan(11);
  });

  it("keeps all donors busy to the end when the last frames are in tiles: at least 0.95 of the ideal throughput", () => {
    const costs = [...Array.from({ length: 5 }, () => 40), ...Array.from({ length: 30 }, () => 4)];
    for (const [fast, slow] of [
      [1, 1],
      [1, 0.7],
      [1, 0.4],
    ] as const) {
      const swarm = donors(2, (index) => ({ speed: index === 0 ? fast : slow }));
      expect(fluidSeconds(costs, swarm) / simulate({ costs }, { donors: swarm }).seconds).toBeGreaterThan(0.95);
    }
  });

  it("does not let the slowest donor's last chunk hold up the job", () => {
    const swarm = donors(3, (index) => ({ speed: index === 0 ? 0.01 : 1 }));
    const { seconds, outcome, of } = simulate({ costs: Array.from({ length: 30 }, () => 5) }, { donors: swarm });
    expect(outcome).toBe("complete");
    expect(seconds).toBeLessThan(100);
    expect(of("withdraw")).toContainEqual(expect.objectContaining({ donor: "d0", reason: "finished-elsewhere" }));
  });

  it("survives donors that leave, vanish silently and join late", () => {
    const costs = unevenCosts(300);
    const swarm = donors(10, (index) => ({
      ...(index % 3 === 1 ? { leavesAt: 5_000 * index } : {}),
      ...(index % 3 === 2 ? { leavesAt: 7_000 * index, silently: true } : {}),
      ...(index === 9 ? { joinsAt: 60_000 } : {}),
    }));
    const { outcome, seconds } = simulate({ costs }, { donors: swarm });
    expect(outcome).toBe("complete");
    expect(seconds).toBeLessThan(
      2 *
        fluidSeconds(
          costs,
          swarm.filter(({ leavesAt }) => leavesAt === undefined),
        ),
    );
  });

  it("gives a silent donor's chunk to another within 35 seconds of its last heartbeat", () => {
    const swarm = [
      { id: "mute", slots: 1, speed: 0.1, leavesAt: 6_000, silently: true },
      { id: "late", slots: 1, speed: 1, joinsAt: 7_000 },
    ];
    const { seconds, outcome } = simulate({ costs: [5] }, { donors: swarm });
    expect(outcome).toBe("complete");
    expect(seconds).toBeLessThan(5 + 35 + 5 + 1);
  });

  it("finishes although a third of the donors send wrong pixels, crash, stall, refuse or send malformed results, and names them", () => {
    const faults = ["wrong-pixels", "crashes", "stalls", "refuses", "malformed-results"] as const;
    const swarm = donors(15, (index) => (index % 3 === 0 ? { fault: faults[index / 3] as (typeof faults)[number] } : {}));
    const { outcome, accepted, of } = simulate({ costs: unevenCosts(400) }, { donors: swarm }, "spot");
    expect(outcome).toBe("complete");
    const banned = new Set(of("ban-donor").map((effect) => "donor" in effect && effect.donor));
    expect(banned).toEqual(new Set(["d0", "d3", "d9", "d12"]));
    const makers = new Set(accepted.map(({ donor }) => donor));
    for (const liar of ["d0", "d3", "d6", "d9", "d12"]) expect(makers).not.toContain(liar);
  });

  it("gives up a chunk that crashes every donor and nothing else, with one donor as with many", () => {
    for (const count of [1, 2, 3, 10]) {
      const { outcome, of, accepted } = simulate(
        { costs: unevenCosts(40) },
        { donors: donors(count, () => ({})), poison: new Set(["c7", "c8"]) },
      );
      expect(outcome).toBe("incomplete");
      expect(of("chunk-dead")).toHaveLength(2);
      expect(accepted).toHaveLength(38);
    }
  });

  it("resumes without user action after every donor was gone for ten minutes", () => {
    const swarm = [...donors(3, () => ({ leavesAt: 10_000 })), ...donors(3, (index) => ({ id: `again${index}`, joinsAt: 610_000 }))];
    const { outcome, seconds } = simulate({ costs: unevenCosts(60) }, { donors: swarm });
    expect(outcome).toBe("complete");
    expect(seconds).toBeGreaterThan(610);
  });

  it("keeps an in-order job on one donor, and moves it when that donor dies", () => {
    const swarm = donors(3, (index) => (index === 0 ? { leavesAt: 12_000 } : {}));
    const { accepted, outcome } = simulate({ costs: Array.from({ length: 20 }, () => 1), inOrder: true }, { donors: swarm });
    expect(outcome).toBe("complete");
    expect(accepted.map(({ chunk }) => chunk)).toEqual(Array.from({ length: 20 }, (_, index) => `c${index}`));
    expect(new Set(accepted.map(({ donor }) => donor)).size).toBe(2);
  });

  it("takes an in-order job away from a donor that never delivers", () => {
    const swarm: SimulatedDonor[] = [
      { id: "stalls", slots: 1, speed: 1, fault: "stalls" },
      { id: "works", slots: 1, speed: 1 },
    ];
    const { outcome } = simulate({ costs: [1, 1, 1], inOrder: true }, { donors: swarm });
    expect(outcome).toBe("complete");
  });

  describe("with speeds reported by donors", () => {
    /** Slow donors that join first, and a fast one; few chunks for each, of all sizes. */
    const swarm = (says: (speed: number) => number | undefined): SimulatedDonor[] =>
      donors(6, (index) => {
        const speed = index === 5 ? 12 : 0.5;
        const said = says(speed);
        return { speed, ...(said === undefined ? {} : { says: said }) };
      });
    const costs = unevenCosts(24);

    it("ends a short job sooner than without them, whatever the ratio of the benchmark scene's cost to the job's", () => {
      const without = simulate({ costs }, { donors: swarm(() => undefined) }).seconds;
      for (const factor of [1, 1e6])
        expect(simulate({ costs }, { donors: swarm((speed) => speed * factor) }).seconds).toBeLessThan(without);
    });

    it("loses little time when reported speeds are false", () => {
      const without = simulate({ costs }, { donors: swarm(() => undefined) }).seconds;
      const lies = simulate({ costs }, { donors: swarm((speed) => (speed === 12 ? 1e-6 : 1e15)) });
      expect(lies.outcome).toBe("complete");
      expect(lies.seconds).toBeLessThan(2 * without);
    });
  });
});
