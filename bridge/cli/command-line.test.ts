import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../database/open-database.ts";
import { buildProgram } from "./program.ts";
import { runCli } from "./fixtures/run-cli.ts";

let root: string;
let home: readonly string[];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "p2p-cli-"));
  home = ["--home", root];
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function putJob(state: "running" | "complete"): Promise<void> {
  await runCli("jobs", ...home);
  await using database = openDatabase(join(root, "bridge.sqlite"));
  database.jobs.put({ id: "j", createdAt: 1, updatedAt: 1, scenePath: "/s.blend", title: "s", state });
}

describe("an error of the option parser", () => {
  it.each([
    [["render", "s.blend", "--wrong"], "unknown option '--wrong'"],
    [["render"], "missing required argument 'scene'"],
    [["nothing"], "unknown command 'nothing'"],
    [["env"], "no command is named"],
    [["help", "nope"], '"nope" is no command of bridge'],
    [["help", "env", "nope"], '"nope" is no command of bridge'],
    [["render", "s.blend", "-t", "0"], "'-t, --threads <n>' argument '0' is invalid. Write a whole number from 1 to 4096."],
    [["render", "s.blend", "-j", "0"], "'-j, --frame-jump <frames>' argument '0' is invalid. Write a whole number from 1 to 1048574."],
    [["render", "s.blend", "--local=-1"], "'--local <n>' argument '-1' is invalid. Write a whole number from 0 to 256."],
    [["render", "s.blend", "--swarm", ""], "'--swarm <name>' argument '' is invalid. It is empty"],
    [["render", "s.blend", "--verify", "maybe"], "Allowed choices are off, spot, full."],
    [["render", "s.blend", "-f", "1", "-a"], "only one of -f and -a can be used"],
    [["jobs", "cancel"], "bridge jobs cancel needs the id of a job"],
    [["jobs", "pause"], "bridge jobs pause needs the id of a job"],
  ])("of %j prints message, advice and code", async (argv, message) => {
    const { code, err } = await runCli(...argv);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(err).toMatch(/^error \S.*\n {2}\S.*\n {2}USAGE$/m);
  });

  it.each([["--home"], ["--blender"], ["-o"], ["--video"], ["-S"]])("refuses an empty value of %s", async (flag) => {
    const { code, err } = await runCli("render", "s.blend", flag, "");
    expect([code, err]).toEqual([2, expect.stringContaining("is invalid. It is empty: is a shell variable not set?")]);
  });

  it("refuses an empty scene", async () => {
    expect(await runCli("render", "")).toMatchObject({ code: 2, err: expect.stringContaining("argument 'scene'") });
  });

  it("names the flag of a value that only the command can refuse", async () => {
    const long = "x".repeat(600);
    expect((await runCli("peers", "--peer", long, ...home)).err).toContain("option --peer may have at most 512 characters");
    expect((await runCli("donate", "--max-upload", "x".repeat(9_000), ...home)).err).toContain("option --max-upload may have at most");
  });
});

describe("an address of a peer that cannot be read", () => {
  it.each([
    ["render", "s.blend", "--bootstrap", "foo"],
    ["render", "s.blend", "--peer", "foo"],
    ["donate", "--bootstrap", "foo"],
    ["donate", "--listen", "foo"],
    ["serve", "--bootstrap", "foo"],
    ["peers", "--bootstrap", "foo"],
  ])("is refused before any work: %s %s %s %s", async (...argv) => {
    const { code, out, err } = await runCli(...argv, ...home);
    expect([code, out]).toEqual([2, []]);
    expect(err).toContain("PEER_ADDRESS_INVALID");
  });
});

describe("--json", () => {
  it.each([
    ["USAGE", ["render", "s.blend", "--wrong"]],
    ["USAGE", ["donate", "--memory", "foo"]],
    ["TILES_INVALID", ["render", "s.blend", "--tiles", "foo"]],
    ["JOB_UNKNOWN", ["jobs", "show", "nope"]],
    ["PEER_ADDRESS_INVALID", ["peers", "--peer", "foo"]],
  ])("tells the error %s in one line", async (code, argv) => {
    const { out, err } = await runCli(...argv, "--json", ...home);
    expect(out.map((line) => JSON.parse(line) as unknown)).toEqual([
      { event: "error", code, message: expect.any(String), advice: expect.any(String) },
    ]);
    expect(err).toContain(code);
  });

  it("does not repeat the error of a job that has ended", async () => {
    const { out } = await runCli("render", join(root, "none.blend"), "--json", "--blender", process.execPath, ...home);
    expect(out.filter((line) => line.includes('"code"'))).toHaveLength(1);
    expect(JSON.parse(out.at(-1) ?? "")).toMatchObject({ event: "job-ended", error: { code: expect.any(String) } });
  });

  it("tells the effect of a command for a job in one line", async () => {
    await putJob("running");
    const { code, out } = await runCli("jobs", "cancel", "j", "--json", ...home);
    expect([code, out.map((line) => JSON.parse(line) as unknown)]).toEqual([
      0,
      [{ event: "job-command", job: "j", command: "cancel", isSent: false }],
    ]);
  });
});

it("a job that has ended cannot be cancelled", async () => {
  await putJob("complete");
  const { code, err } = await runCli("jobs", "cancel", "j", ...home);
  expect([code, err]).toEqual([2, expect.stringContaining("job j cannot be cancelled: it is complete")]);
});

describe("help", () => {
  it("is shown for a command by its path", async () => {
    expect((await runCli("help", "env", "list")).out.join("\n")).toContain("Usage: bridge env list");
  });

  it("lists --home and --json for every command that takes them", async () => {
    const nothing = { signal: new AbortController().signal, exitWith: () => {}, errorIsTold: () => {} };
    const program = buildProgram({ ...nothing, world: undefined!, terminal: undefined! });
    const commands = program.commands.flatMap((command) => [command, ...command.commands]).filter((command) => command.name() !== "help");
    expect(commands.length).toBeGreaterThan(12);
    for (const command of commands) expect(command.helpInformation(), command.name()).toMatch(/--home <dir>[^]*--json/);
  });

  it("takes --home and --json after a subcommand, too", async () => {
    const { code, out } = await runCli("donate", "set", "--json", ...home);
    expect([code, JSON.parse(out[0] ?? "")]).toEqual([0, { event: "terms", terms: {}, running: false }]);
  });
});
