import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { PROJECT } from "../bin/node-runtime.mjs";
import { ASSETS, rewriteOwnUrls } from "./assets.mjs";
import { licencesOf } from "./licences.mjs";

/**
 * Makes dist/: the command line as one module with chunks that load when a command needs them (libp2p
 * is most of it and `--help` needs none), and each worker as a module of its own. What carries native
 * code stays a dependency that npm installs.
 */
const DIST = join(PROJECT, "dist");
const NATIVE = ["sharp", "ffmpeg-static", "dockerode", "bufferutil", "utf-8-validate"];

const ownUrls = {
  name: "own-urls",
  setup(made) {
    made.onLoad({ filter: /[/\\]bridge[/\\].*\.ts$/ }, ({ path }) => ({
      contents: rewriteOwnUrls(readFileSync(path, "utf8"), path),
      loader: "ts",
    }));
  },
};

/** The modules that threads start with; others that call themselves workers are no threads. */
const workers = globSync("bridge/**/*-worker.ts", { cwd: PROJECT }).filter((file) =>
  readFileSync(join(PROJECT, file), "utf8").includes("node:worker_threads"),
);
const entryPoints = Object.fromEntries([["bridge", "bridge/cli/main.ts"], ...workers.map((file) => [basename(file, ".ts"), file])]);
if (Object.keys(entryPoints).length !== workers.length + 1) throw new Error("two workers have the same name");

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST, { recursive: true });
const { metafile } = await build({
  absWorkingDir: PROJECT,
  entryPoints,
  outdir: DIST,
  bundle: true,
  splitting: true,
  chunkNames: "[name]-[hash]",
  format: "esm",
  platform: "node",
  target: "node24",
  // Error names are part of what people see.
  keepNames: true,
  external: NATIVE,
  // Packages of the older kind ask for Node's modules with require.
  banner: { js: 'import { createRequire as requireHere } from "node:module"; const require = requireHere(import.meta.url);' },
  plugins: [ownUrls],
  metafile: true,
  logLevel: "warning",
});
writeFileSync(join(DIST, "THIRD-PARTY-LICENCES.txt"), licencesOf(Object.keys(metafile.inputs)));
for (const { from, to } of ASSETS) {
  if (!to.startsWith("../")) cpSync(join(PROJECT, from), join(DIST, to), { recursive: true, filter: isPacked });
}
const bytes = Object.values(metafile.outputs).reduce((sum, { bytes: size }) => sum + size, 0);
console.log(`dist/: ${Object.keys(metafile.outputs).length} modules, ${(bytes / 2 ** 20).toFixed(1)} MiB`);

function isPacked(file) {
  return !/__pycache__|\.pyc$|test_|\.test\./.test(file);
}
