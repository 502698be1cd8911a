// Runs on Node 18: no newer syntax here.
import { ensureBlender } from "./blender-step.mjs";
import { ensureDocker, ensureEnvironment } from "./docker-step.mjs";
import { ensureNode } from "./node-step.mjs";
import { ensureOfficialBlenders } from "./official-blenders-step.mjs";
import { ensurePackages } from "./packages-step.mjs";
import { ensureChromium, ensureFfmpeg, ensureOpenImageIo } from "./programs-step.mjs";
import { ensurePytest, ensurePython, ensureWindow } from "./python-step.mjs";
import { ensurePythonTools } from "./python-tools-step.mjs";
import { say, sayPlain } from "./say.mjs";

/** What each purpose wants, and what it cannot do without. Node and the npm packages are always both. */
const PURPOSES = {
  demo: { wants: ["blender", "ffmpeg"], needs: ["blender"] },
  test: {
    wants: ["blender", "ffmpeg", "openimageio", "docker", "environment", "chromium", "python", "pytest", "officialBlenders", "window"],
    needs: [],
  },
  run: { wants: ["blender", "ffmpeg"], needs: [] },
  addon: { wants: ["python"], needs: ["python"] },
  code: { wants: [], needs: [] },
  check: { wants: ["python", "pythonTools"], needs: [] },
};

const NAMES = {
  blender: "Blender",
  ffmpeg: "ffmpeg",
  openimageio: "OpenImageIO",
  docker: "Docker",
  environment: "environment",
  chromium: "Chromium",
  python: "Python",
  pytest: "pytest",
  officialBlenders: "official Blenders",
  pythonTools: "Python tools",
  window: "Xvfb",
};

/** True for a word that `--for` takes. */
export function isPurpose(word) {
  return Object.hasOwn(PURPOSES, word);
}

/**
 * Sets up what is missing for a purpose, and nothing that is there: run again, it only looks.
 * What it cannot do it names, with the command to type, and goes on with the rest.
 *
 * @param {string} purpose demo, test, run, addon, code or check.
 * @returns {Promise<string | undefined>} the Node to go on with; undefined when the purpose cannot be served.
 */
export async function setUp(purpose) {
  const node = ensureNode();
  if (node === undefined || !ensurePackages(node)) return undefined;
  const steps = {
    blender: ensureBlender,
    ffmpeg: () => ensureFfmpeg(node),
    openimageio: ensureOpenImageIo,
    docker: ensureDocker,
    environment: () => ensureEnvironment(node),
    chromium: ensureChromium,
    python: ensurePython,
    pytest: ensurePytest,
    officialBlenders: ensureOfficialBlenders,
    pythonTools: ensurePythonTools,
    window: ensureWindow,
  };
  const { wants, needs } = PURPOSES[purpose];
  const present = {};
  for (const what of wants) present[what] = await steps[what]();
  const missing = needs.filter((what) => present[what] === undefined);
  if (missing.length > 0) {
    sayPlain(`This needs ${missing.map((what) => NAMES[what]).join(" and ")}: see above what to type, then run it again.`);
    return undefined;
  }
  if (wants.length > 0) say("have", "set up", describe(present));
  return node;
}

function describe(present) {
  const there = Object.keys(present).filter((what) => present[what] !== undefined);
  return ["Node", "npm packages", ...there.map((what) => NAMES[what] + (what === "blender" ? ` ${present.blender}` : ""))].join(", ");
}
