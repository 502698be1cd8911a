// Runs on Node 18: no newer syntax here.
import { createInterface } from "node:readline";
import { ask, onPath, tailOf } from "./commands.mjs";
import { say, sayPlain } from "./say.mjs";

/**
 * What each package manager calls what we need. Blender without a screen also needs EGL and software GL
 * for EEVEE (it crashes without them), and distributions' builds take numpy from the system's Python.
 */
const MANAGERS = [
  {
    command: "apt-get",
    needsRoot: true,
    refresh: ["apt-get", "update"],
    install: ["apt-get", "install", "-y", "--no-install-recommends"],
    /** A system's own updater may hold the lock for a while. */
    quietly: ["-o", "DPkg::Lock::Timeout=300"],
    packages: {
      blender: ["blender", "python3-numpy", "libegl1", "libegl-mesa0", "libgl1", "libgl1-mesa-dri", "libglx-mesa0"],
      ffmpeg: ["ffmpeg"],
      openimageio: ["openimageio-tools"],
      docker: ["docker.io", "iptables", "ca-certificates", "debootstrap"],
    },
    /** The version that would be installed: an old Ubuntu has a Blender that is too old. */
    offered: (name) => (/Candidate: (?:\d+:)?(\S+)/.exec(ask("apt-cache", ["policy", name]).out) || [])[1],
    fallback: { blender: "sudo snap install blender --classic" },
  },
  {
    command: "dnf",
    needsRoot: true,
    install: ["dnf", "install", "-y"],
    packages: {
      blender: ["blender", "python3-numpy", "mesa-libEGL", "mesa-libGL", "mesa-dri-drivers"],
      ffmpeg: ["ffmpeg-free"],
      openimageio: ["OpenImageIO-utils"],
      docker: ["moby-engine"],
    },
  },
  {
    command: "pacman",
    needsRoot: true,
    install: ["pacman", "-Sy", "--needed", "--noconfirm"],
    packages: { blender: ["blender", "python-numpy", "mesa"], ffmpeg: ["ffmpeg"], openimageio: ["openimageio"], docker: ["docker"] },
  },
  {
    command: "brew",
    needsRoot: false,
    install: ["brew", "install"],
    packages: { blender: ["--cask", "blender"], ffmpeg: ["ffmpeg"], openimageio: ["openimageio"] },
  },
  {
    command: "winget",
    needsRoot: false,
    install: ["winget", "install", "--exact", "--silent", "--accept-package-agreements", "--accept-source-agreements"],
    packages: { blender: ["BlenderFoundation.Blender"], ffmpeg: ["Gyan.FFmpeg"] },
  },
];

const ELSEWHERE = {
  blender: "install Blender 3.4 or newer from https://www.blender.org/download",
  ffmpeg: "install ffmpeg from https://ffmpeg.org/download.html",
  openimageio: "install OpenImageIO's tools (oiiotool, idiff)",
  docker: "install Docker Engine from https://docs.docker.com/engine/install",
};

let refreshed = false;

/** The first package manager of this system, or undefined. */
function findManager() {
  return MANAGERS.find((manager) => onPath(manager.command) !== undefined);
}

/** The version of `what` that this system's packages offer, where they can be asked. */
export function offeredVersion(what) {
  const manager = findManager();
  if (manager === undefined || manager.offered === undefined) return undefined;
  if (!manager.needsRoot || isRoot() || ask("sudo", ["-n", "true"]).ok) refresh(manager);
  return manager.offered(what);
}

/** The command a person would type to get `what`. */
export function commandFor(what, tooOld = false) {
  const manager = findManager();
  if (manager === undefined || manager.packages[what] === undefined) return ELSEWHERE[what];
  if (tooOld) return `${(manager.fallback || {})[what] || ELSEWHERE[what]}`;
  return [...(manager.needsRoot && !isRoot() ? ["sudo"] : []), ...manager.install, ...manager.packages[what]].join(" ");
}

/**
 * Installs `what` with this system's package manager. Asks first, but neither as root nor with CI=true;
 * where it cannot ask or must not, it leaves it.
 *
 * @returns {Promise<boolean>} whether the package manager says that it is done.
 */
export async function installWithManager(what, title) {
  const manager = findManager();
  if (manager === undefined || manager.packages[what] === undefined) return false;
  if (!(await mayInstall(manager, what))) return false;
  say("doing", title, commandFor(what));
  refresh(manager);
  const [command, ...args] = asRoot(manager, [...manager.install, ...(manager.quietly || []), ...manager.packages[what]]);
  const done = ask(command, args, { timeout: 1_800_000, env: quietEnvironment(), stdio: ["inherit", "pipe", "pipe"] });
  if (!done.ok && done.text.trim() !== "") sayPlain(tailOf(done.text));
  return done.ok;
}

async function mayInstall(manager, what) {
  if (isRoot()) return true;
  const withSudo = manager.needsRoot && onPath("sudo") !== undefined;
  if (manager.needsRoot && !withSudo) return false;
  if (process.env.CI === "true") return !manager.needsRoot || ask("sudo", ["-n", "true"]).ok;
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  return confirmed(`  Run \`${commandFor(what)}\`? [Y/n] `);
}

function confirmed(question) {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  return new Promise((resolve) => {
    lines.on("close", () => resolve(false));
    lines.question(question, (answer) => {
      resolve(!/^n/i.test(answer.trim()));
      lines.close();
    });
  });
}

function refresh(manager) {
  if (refreshed || manager.refresh === undefined) return;
  refreshed = true;
  const [command, ...args] = asRoot(manager, manager.refresh);
  ask(command, args, { timeout: 300_000, env: quietEnvironment(), stdio: ["inherit", "pipe", "pipe"] });
}

function asRoot(manager, words) {
  return manager.needsRoot && !isRoot() ? ["sudo", ...words] : words;
}

/** Whether this process may do everything. */
export function isRoot() {
  return typeof process.getuid === "function" && process.getuid() === 0;
}

function quietEnvironment() {
  return { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
}
