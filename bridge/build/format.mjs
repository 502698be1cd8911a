import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { PROJECT } from "../bin/node-runtime.mjs";
import { pythonTool } from "../setup/python-tools-step.mjs";

const biome = join(PROJECT, "node_modules", "@biomejs", "biome", "bin", "biome");
const ruff = pythonTool("ruff");
const files = process.argv.length > 2 ? process.argv.slice(2) : ["."];

const formatted = [
  spawnSync(process.execPath, [biome, "format", "--write", ...files], { cwd: PROJECT, stdio: "inherit" }),
  spawnSync(ruff.command ?? "python3", [...ruff.args, "format", ...files], { cwd: PROJECT, env: ruff.env, stdio: "inherit" }),
];
process.exitCode = formatted.every((done) => done.status === 0) ? 0 : 1;
