import { execFile } from "node:child_process";
import { copyFileSync, existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const HELD = ["kernel", "core", "protocols", "requester", "donor", "gateway", "app", "config", "cli"];
const ADAPTERS = ["network", "content", "database", "sandbox", "machine", "blender", "media"];
const NO_ROOMS = ["bin", "build", "demo", "setup", "test"];

/** Lines that use the machine's clock, randomness or files directly, with the expected lint message. */
const VIOLATIONS: Readonly<Record<string, readonly string[]>> = {
  "export const a = new Date();": ["world's clock"],
  "export const b = Date();": ["world's clock"],
  "export const c = Date.now();": ["'Date.now'"],
  "export const { now } = Date;": ["'Date.now'"],
  "export const d = Math.random();": ["'Math.random'"],
  "export const e = AbortSignal.timeout(1);": ["'AbortSignal.timeout'"],
  "export const f = process.hrtime();": ["'process.hrtime'"],
  "export const g = performance.now();": ["'performance'"],
  "export const h = setTimeout(() => {}, 1);": ["'setTimeout'"],
  "export const i = setInterval(() => {}, 1);": ["'setInterval'"],
  "export const j = setImmediate(() => {});": ["'setImmediate'"],
  "export const k = crypto.randomUUID();": ["'crypto'"],
  "export const l = globalThis.performance;": ["'globalThis.performance'"],
  "export const m = globalThis.setTimeout;": ["'globalThis.setTimeout'"],
  "export const n = globalThis.setInterval;": ["'globalThis.setInterval'"],
  "export const o = globalThis.setImmediate;": ["'globalThis.setImmediate'"],
  "export const p = globalThis.crypto;": ["'globalThis.crypto'"],
  "export const q = globalThis.Date.now();": ["'globalThis.Date'"],
  "export const r = globalThis.Math.random();": ["'globalThis.Math'"],
  "export const s = globalThis.AbortSignal.timeout(1);": ["'globalThis.AbortSignal'"],
  'export * from "fs";': ["'fs'"],
  'export * from "node:fs";': ["'node:fs'"],
  'export { readFile } from "node:fs/promises";': ["'node:fs/promises'"],
  'export type { FileHandle } from "fs/promises";': ["'fs/promises'"],
  'export * from "node:timers";': ["'node:timers'"],
  'export * from "node:timers/promises";': ["'node:timers/promises'"],
  'export * from "node:perf_hooks";': ["'node:perf_hooks'"],
  'export * as t from "node:crypto";': ["'randomBytes"],
  'export { default as u, randomBytes, randomFill, randomFillSync, randomInt, randomUUID, getRandomValues, webcrypto } from "node:crypto";':
    ["default", "randomBytes", "randomFill", "randomFillSync", "randomInt", "randomUUID", "getRandomValues", "webcrypto"].map(
      (name) => `'${name}'`,
    ),
  'export { systemWorld } from "../kernel/world.ts";': ["'systemWorld'"],
  'export { systemClock } from "./clock.ts";': ["'systemClock'"],
  'export { systemDisk } from "../../kernel/disk.ts";': ["'systemDisk'"],
};

/** Allowed lines: values, hashes, types. */
const ALLOWED = [
  "export const v = (ms: number) => new Date(ms).getDay();",
  "export const w = Math.max(1, 2);",
  'export { createHash, timingSafeEqual } from "node:crypto";',
  'export type { World } from "../kernel/world.ts";',
];

interface Override {
  readonly files: readonly string[];
  excludeFiles?: readonly string[];
  readonly rules: Readonly<Record<string, unknown>>;
}

const RULE = "world/no-date-of-now";
const configText = readFileSync(".oxlintrc.json", "utf8").replaceAll(/^\s*\/\/.*$/gm, "");
const config = () => JSON.parse(configText) as { readonly overrides: readonly Override[] };
const exempt = (config().overrides.find(({ rules }) => RULE in rules)?.excludeFiles ?? []).filter((file) => !file.includes("*"));

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "world-lint-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Report {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

function write(folder: string, file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

/** The linter's World messages for a folder, with this configuration. */
async function lint(folder: string, settings: object): Promise<readonly Report[]> {
  write(folder, ".oxlintrc.json", JSON.stringify(settings));
  write(folder, "bridge/build/world-lint.mjs", readFileSync("bridge/build/world-lint.mjs", "utf8"));
  const oxlint = join(process.cwd(), "node_modules", "oxlint", "bin", "oxlint");
  const said = await new Promise<string>((resolve) =>
    execFile(process.execPath, [oxlint, "--format", "json", "."], { cwd: folder, maxBuffer: 2 ** 26 }, (_, out) => resolve(out)),
  );
  const { diagnostics } = JSON.parse(said) as {
    diagnostics: { code: string; filename: string; message: string; labels: { span: { line: number } }[] }[];
  };
  return diagnostics
    .filter(({ code }) => /world\(|no-restricted-(globals|imports|properties)/.test(code))
    .map(({ filename, message, labels }) => ({ file: filename.replaceAll("\\", "/"), message, line: labels[0]?.span.line ?? 0 }));
}

describe("the rule of the World", () => {
  let reports: readonly Report[];
  const lines = [...Object.keys(VIOLATIONS), ...ALLOWED];
  beforeAll(async () => {
    const folder = join(root, "seeded");
    for (const room of [...HELD, ...ADAPTERS]) write(folder, `bridge/${room}/deep/seeded.ts`, `${lines.join("\n")}\n`);
    for (const room of HELD) write(folder, `bridge/${room}/seeded.test.ts`, `${lines.join("\n")}\n`);
    reports = await lint(folder, config());
  });

  it.each(HELD)("holds in %s: each bypass of the World is reported, and nothing else", (room) => {
    const here = reports.filter(({ file }) => file === `bridge/${room}/deep/seeded.ts`);
    for (const [index, line] of lines.entries()) {
      const messages = here.filter((report) => report.line === index + 1).map(({ message }) => message);
      const wanted = VIOLATIONS[line] ?? [];
      expect([line, messages.length]).toEqual([line, wanted.length]);
      for (const part of wanted) expect(messages.join("\n").toLowerCase()).toContain(part.toLowerCase());
    }
  });

  it("lists no forbidden name without a test line here", () => {
    const rules = config().overrides.find((override) => RULE in override.rules)?.rules ?? {};
    const names = [...JSON.stringify(rules).matchAll(/"object":"(\w+)","property":"(\w+)"|"importNames":\[(.*?)\]/g)].flatMap(
      ([, object, property, imports]) => (imports === undefined ? [`${object}.${property}`] : (JSON.parse(`[${imports}]`) as string[])),
    );
    const globals = (rules["no-restricted-globals"] as readonly string[]).slice(1);
    const told = new Set(Object.values(VIOLATIONS).flat());
    expect(names.length).toBeGreaterThan(20);
    expect([...names, ...globals].filter((name) => !told.has(`'${name}'`))).toEqual([]);
  });

  it("does not apply to adapters and tests", () => {
    const held = reports.filter(({ file }) => !HELD.some((room) => file === `bridge/${room}/deep/seeded.ts`));
    expect(held).toEqual([]);
  });

  it("no room makes folders by Node's recursive mkdir, which may never return", async () => {
    const folder = join(root, "folders");
    const seeded = [
      'import { mkdir } from "node:fs/promises";',
      'import { mkdirSync } from "node:fs";',
      "export const one = (path: string) => mkdir(path, { recursive: true, mode: 0o700 });",
      "export const two = (path: string) => mkdirSync(path, { recursive: true });",
      "export const three = (path: string) => mkdir(path, { mode: 0o700 });",
    ];
    for (const room of [...HELD, ...ADAPTERS]) write(folder, `bridge/${room}/deep/seeded.ts`, seeded.join("\n"));
    const found = (await lint(folder, config())).filter(({ message }) => message.includes("mkdir"));
    for (const room of [...HELD, ...ADAPTERS]) {
      const lines = found.filter(({ file }) => file === `bridge/${room}/deep/seeded.ts`).map(({ line }) => line);
      expect([room, lines.toSorted((a, b) => a - b)]).toEqual([room, [3, 4]]);
    }
  });

  it("states for every room of the bridge whether the rule applies", () => {
    const rooms = readdirSync("bridge", { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
    expect(rooms.toSorted()).toEqual([...HELD, ...ADAPTERS, ...NO_ROOMS].toSorted());
  });

  it("has no exception for a file that does not need it", async () => {
    const settings = config();
    for (const override of settings.overrides) if (RULE in override.rules) override.excludeFiles = [];
    const folder = join(root, "excepted");
    for (const file of exempt) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      copyFileSync(file, join(folder, file));
    }
    const breaking = new Set((await lint(folder, settings)).map(({ file }) => file));
    expect([...breaking].toSorted()).toEqual(exempt.toSorted());
  });
});

it("no entry of the linter's configuration matches no file", () => {
  const patterns = config().overrides.flatMap(({ files, excludeFiles = [] }) => [...files, ...excludeFiles]);
  const notHere = (pattern: string) =>
    pattern.includes("*") ? globSync(pattern, { exclude: ["node_modules", ".runtime", "dist"] }).length === 0 : !existsSync(pattern);
  expect(patterns.filter(notHere)).toEqual([]);
});
