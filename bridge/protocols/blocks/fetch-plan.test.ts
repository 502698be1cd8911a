import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PlannedRequest, FETCH_TIMES, FetchPlan } from "./fetch-plan.ts";

const R = "requester";
const hashes = (count: number) => Array.from({ length: count }, (_, index) => ({ hash: `h${index}`, bytes: 1 }));
const plan = (count: number) => new FetchPlan(hashes(count), { requester: R, random: () => 0, nowMs: 0 });

describe("the fetch plan", () => {
  it("requests each block from the requester once, each donor in its own order", () => {
    const made = plan(5);
    const asked = Array.from({ length: 6 }, () => made.next(R, 0)?.hash);
    expect(new Set(asked.slice(0, 5)).size).toBe(5);
    expect(asked[5]).toBeUndefined();
    const other = new FetchPlan(hashes(5), { requester: R, random: () => 0.99, nowMs: 0 });
    expect(Array.from({ length: 5 }, () => other.next(R, 0)?.hash)).not.toEqual(asked.slice(0, 5));
  });

  it("[B8] requests a redirected block from the named donor, with a pause after each refusal, and then forces it from the requester", () => {
    const made = plan(1);
    const ask = made.next(R, 0)!;
    made.redirect(ask, ["d1"], 0);
    expect(made.next(R, 0)).toBeUndefined();
    let nowMs = 0;
    for (let times = 1; times <= FETCH_TIMES.maxRetries; times++) {
      expect(made.next("d1", nowMs)).toMatchObject({ hash: "h0", force: false });
      made.missing("d1", "h0", nowMs);
      expect(made.next("d1", nowMs)).toBeUndefined();
      nowMs += FETCH_TIMES.firstRetryMs * 2 ** times;
    }
    expect(made.next(R, nowMs)).toMatchObject({ hash: "h0", force: true });
    made.redirect({ hash: "h0", bytes: 1, force: true }, ["d1"], nowMs);
    expect(made.next("d1", nowMs)).toMatchObject({ hash: "h0" });
  });

  it("[B9] requests to a lost peer are reassigned, and it is not used until it is back", () => {
    const made = plan(2);
    for (let index = 0; index < 2; index++) made.redirect(made.next(R, 0)!, ["d1"], 0);
    expect(made.next("d1", 0)).toBeDefined();
    made.peerLost("d1", "lost");
    expect([made.next(R, 0)?.force, made.next(R, 0)?.force]).toEqual([true, true]);
  });

  it("[B9] after a stall all missing blocks are requested from the requester, even those requested from others", () => {
    const made = plan(2);
    for (let index = 0; index < 2; index++) made.redirect(made.next(R, 0)!, ["d1"], 0);
    made.next("d1", 0);
    made.tick(FETCH_TIMES.stallMs - 1);
    expect(made.next(R, 0)).toBeUndefined();
    made.tick(FETCH_TIMES.stallMs);
    expect([made.next(R, 1)?.force, made.next(R, 1)?.force, made.next(R, 1)]).toEqual([true, true, undefined]);
  });

  it("gives up after a minute without progress, and sooner when no peer can have a block", () => {
    expect(plan(1).tick(FETCH_TIMES.giveUpMs)).toBe("silent");
    const made = plan(1);
    made.next(R, 0);
    made.missing(R, "h0", 0);
    expect(made.tick(10)).toBe("going");
    expect(made.tick(10 + FETCH_TIMES.hopelessMs)).toBe("missing");
  });

  it("[B14] waits for a block as long as enough new bytes arrive, not counting repeated bytes", () => {
    const slow = plan(1);
    const { aliveBytes, giveUpMs } = FETCH_TIMES;
    for (let half = 1; half <= 6; half++) {
      slow.came("h0", (half * aliveBytes) / 2, (half * giveUpMs) / 2);
      expect(slow.tick((half * giveUpMs) / 2)).toBe("going");
    }
    for (let again = 0; again < 8; again++) slow.came("h0", 3 * aliveBytes, 3 * giveUpMs + again);
    expect(slow.tick(4 * giveUpMs)).toBe("silent");
  });

  type What = "next" | "got" | "missing" | "redirect" | "lost" | "back" | "has" | "tick";
  const step = fc.record({
    what: fc.constantFrom<What>("next", "next", "next", "got", "missing", "redirect", "lost", "back", "has", "tick"),
    peer: fc.constantFrom(R, "d1", "d2"),
    other: fc.constantFrom("d1", "d2"),
  });
  type Asked = { peer: string; ask: PlannedRequest };

  /** One random event; answers are for the oldest open request. */
  function happen(
    made: FetchPlan,
    inFlight: Asked[],
    { what, peer, other }: { what: What; peer: string; other: string },
    nowMs: number,
  ): void {
    const answered = what === "got" || what === "missing" || what === "redirect" ? inFlight.shift() : undefined;
    const isOfRequester = answered?.peer === R;
    const happenings: Record<What, () => void> = {
      next: () => {
        const ask = made.next(peer, nowMs);
        if (ask) inFlight.push({ peer, ask });
      },
      lost: () => {
        made.peerLost(peer, "lost");
        inFlight.splice(0, inFlight.length, ...inFlight.filter((entry) => entry.peer !== peer));
      },
      back: () => made.peerBack(peer),
      has: () => made.has(other, `h${nowMs % 6}`),
      tick: () => void made.tick(nowMs),
      got: () => answered && made.received(answered.peer, answered.ask.hash, nowMs),
      // The requester is honest here: it has all blocks, so it never answers "missing".
      missing: () =>
        answered && (isOfRequester ? made.redirect(answered.ask, [other], nowMs) : made.missing(answered.peer, answered.ask.hash, nowMs)),
      redirect: () =>
        answered && (isOfRequester ? made.redirect(answered.ask, [other], nowMs) : made.missing(answered.peer, answered.ask.hash, nowMs)),
    };
    happenings[what]();
  }

  it("an honest requester alone can finish the fetch, whatever happened before", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const made = plan(6);
        const inFlight: Asked[] = [];
        let nowMs = 0;
        for (const each of steps) happen(made, inFlight, each, (nowMs += 37));
        made.peerLost("d1", "banned");
        made.peerLost("d2", "lost");
        made.peerLost(R, "lost");
        made.peerBack(R);
        for (let round = 0; round < 200 && !made.done; round++) {
          nowMs += 250;
          expect(made.tick(nowMs)).toBe("going");
          for (let ask = made.next(R, nowMs); ask; ask = made.next(R, nowMs)) made.received(R, ask.hash, nowMs);
        }
        expect(made.done).toBe(true);
      }),
      { numRuns: 1_500 },
    );
  });
});
