import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../bin/node-runtime.mjs";

/**
 * The names, versions and licence texts of the packages whose code went into a bundle.
 *
 * @param {string[]} inputs the files that esbuild read, relative to the project.
 */
export function licencesOf(inputs) {
  const folders = new Set(inputs.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []));
  return [...folders].sort().map(describe).join("\n");
}

function describe(folder) {
  const place = join(PROJECT, folder);
  const { name, version, license } = JSON.parse(readFileSync(join(place, "package.json"), "utf8"));
  const texts = readdirSync(place).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file) && existsSync(join(place, file)));
  return `${"=".repeat(72)}\n${name} ${version} (${license ?? "see below"})\n\n${texts.map((file) => readFileSync(join(place, file), "utf8").trim()).join("\n\n")}\n`;
}
