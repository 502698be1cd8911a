import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { EVENT_SCHEMAS } from "./job-messages.ts";
import { BridgeFrame, ClientFrame, METHODS, type Method } from "./messages.ts";

/** The same files are parsed by the add-on's tests. */
const FIXTURES = fileURLToPath(new URL("../../../blender-addon/tests/fixtures/wire/", import.meta.url));

interface Fixture {
  readonly valid: readonly { readonly why: string; readonly frame: unknown }[];
  readonly invalid: readonly { readonly why: string; readonly frame: unknown }[];
}

function fixtures(side: "client" | "bridge"): { kind: string; fixture: Fixture }[] {
  return readdirSync(`${FIXTURES}${side}`).map((file) => ({
    kind: file.replace(/\.json$/, ""),
    fixture: JSON.parse(readFileSync(`${FIXTURES}${side}/${file}`, "utf8")) as Fixture,
  }));
}

/** As parsed by the bridge: the frame, then the parameters of its method. */
function isClientFrame(frame: unknown): boolean {
  const parsed = ClientFrame.safeParse(frame);
  if (!parsed.success) return false;
  if (parsed.data.type === "hello") return true;
  const { method, params } = parsed.data;
  return method in METHODS && METHODS[method as Method].params.safeParse(params).success;
}

/** As parsed by a client: the frame, and for a reply the result of its method. */
function isBridgeFrame(kind: string, frame: unknown): boolean {
  const parsed = BridgeFrame.safeParse(frame);
  if (!parsed.success) return false;
  if (parsed.data.type !== "reply") return true;
  return METHODS[kind.replace(/^reply\./, "") as Method].result.safeParse(parsed.data.result).success;
}

describe("golden messages, parsed by both sides", () => {
  for (const { kind, fixture } of fixtures("client")) {
    it(`${kind}, sent by a client`, () => {
      for (const { why, frame } of fixture.valid) expect(isClientFrame(frame), why).toBe(true);
      for (const { why, frame } of fixture.invalid) expect(isClientFrame(frame), why).toBe(false);
    });
  }
  for (const { kind, fixture } of fixtures("bridge")) {
    it(`${kind}, sent by the bridge`, () => {
      for (const { why, frame } of fixture.valid) expect(isBridgeFrame(kind, frame), why).toBe(true);
      for (const { why, frame } of fixture.invalid) expect(isBridgeFrame(kind, frame), why).toBe(false);
    });
  }

  it("exist for every method, every reply and every event", () => {
    const client = fixtures("client").map(({ kind }) => kind);
    const bridge = fixtures("bridge").map(({ kind }) => kind);
    const events = EVENT_SCHEMAS.map(({ shape }) => `event.${shape.event.value}`);
    expect(client).toEqual(expect.arrayContaining(["hello", ...Object.keys(METHODS)]));
    expect(bridge).toEqual(expect.arrayContaining(["welcome", "refused", "failure", "swarm"]));
    expect(bridge).toEqual(expect.arrayContaining([...Object.keys(METHODS).map((method) => `reply.${method}`), ...events]));
  });
});
