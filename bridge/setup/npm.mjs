// Runs on Node 18: no newer syntax here.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * How to start npm: by the script that runs us, else by the one that lies beside Node, else by name.
 *
 * @param {string} node the Node that shall run it.
 */
export function npmCommand(node = process.execPath) {
  const beside = dirname(process.execPath);
  const scripts = [
    process.env.npm_execpath,
    join(beside, "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
    join(beside, "node_modules", "npm", "bin", "npm-cli.js"),
  ];
  const script = scripts.find((file) => file !== undefined && /npm-cli\.c?js$/.test(file) && existsSync(file));
  if (script !== undefined) return { command: node, args: [script], shell: false };
  return { command: "npm", args: [], shell: process.platform === "win32" };
}
