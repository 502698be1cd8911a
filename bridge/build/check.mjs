import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../bin/node-runtime.mjs";
import { lockStrays } from "../setup/packages-step.mjs";
import { pythonPath } from "../setup/python-step.mjs";
import { pythonTool } from "../setup/python-tools-step.mjs";

const bin = (...path) => join(PROJECT, "node_modules", ...path);
const PYTHON_CURE = "npm run setup -- --for check, where the tools are missing";

/** The checks of all code. Each runs to its end, so that one run shows all errors. */
const CHECKS = [
  {
    name: "format",
    script: bin("@biomejs", "biome", "bin", "biome"),
    args: ["format", "--max-diagnostics=50", "."],
    cure: "npm run format",
  },
  { name: "lint", script: bin("oxlint", "bin", "oxlint"), args: ["--type-aware", "--deny-warnings"] },
  { name: "types", script: bin("typescript", "bin", "tsc"), args: ["-p", "."] },
  {
    name: "walls",
    script: bin("dependency-cruiser", "bin", "dependency-cruiser.mjs"),
    args: ["--output-type", "err", "bridge"],
    expect: cruised,
  },
  { name: "dead code", script: bin("knip", "bin", "knip.js"), args: ["--no-progress", "--treat-config-hints-as-errors"] },
  { name: "python format", tool: pythonTool("ruff"), args: ["format", "--check", "."], cure: "npm run format" },
  { name: "python style", tool: pythonTool("ruff"), args: ["check", "."], cure: PYTHON_CURE },
  { name: "python types", tool: pythonTool("mypy"), args: ["--config-file", ".mypy.ini"], cure: PYTHON_CURE },
  {
    name: "blender versions",
    tool: { command: pythonPath(), args: [], env: process.env },
    args: [join(PROJECT, "bridge", "build", "blender_versions.py")],
  },
  {
    name: "add-on messages",
    script: join(PROJECT, "bridge", "build", "addon-messages.ts"),
    args: ["--check"],
    cure: "npm run messages",
  },
  { name: "lock", holds: () => lockStrays(), cure: "npm run lock" },
];

/** With a compiler that dependency-cruiser does not support it finds no modules, and succeeds. */
function cruised(text) {
  const modules = Number(/\((\d+) modules/.exec(text)?.[1] ?? Number.NaN);
  return modules > 0 ? undefined : "it looked at no modules at all";
}

async function look(check) {
  const startedAt = performance.now();
  const { code, text } = check.holds === undefined ? await runTool(check) : strays(check);
  const complaint = code === 0 ? check.expect?.(text) : text.trim();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${complaint === undefined ? "ok    " : "FAILED"} ${check.name.padEnd(16)} ${seconds} s`);
  if (complaint !== undefined) console.log(`${complaint}\n${check.cure === undefined ? "" : `(${check.cure})\n`}`);
  return { name: check.name, passed: complaint === undefined };
}

function strays(check) {
  const what = check.holds();
  return what === undefined ? { code: 0, text: "" } : { code: 1, text: `package.json and .package-lock.json disagree about ${what}` };
}

function runTool({ script, tool = { command: process.execPath, args: [script], env: process.env }, args }) {
  if (tool.command === undefined) return { code: 1, text: "there is no Python here" };
  return new Promise((resolve, reject) => {
    const child = spawn(tool.command, [...tool.args, ...args], { cwd: PROJECT, env: tool.env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (part) => (text += part));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, text }));
  });
}

const wanted = process.argv.slice(2);
const results = [];
for (const check of CHECKS) {
  if (wanted.length === 0 || wanted.includes(check.name)) results.push(await look(check));
}
mkdirSync(join(PROJECT, ".reports"), { recursive: true });
writeFileSync(join(PROJECT, ".reports", "check.json"), JSON.stringify(results));
process.exitCode = results.length > 0 && results.every((result) => result.passed) ? 0 : 1;
