import type { Home } from "../../config/home.ts";
import { chooseGpus } from "../../core/gpu/choose-gpus.ts";
import type { Gpu } from "../../core/gpu/gpu.ts";
import { termsOf } from "../../core/terms/parse-terms.ts";
import { termsInForce } from "../../core/terms/terms-in-force.ts";
import type { Terms } from "../../core/terms/terms.ts";
import { openDatabase } from "../../database/open-database.ts";
import { listGpus } from "../../machine/gpus.ts";
import { MachineMonitor, type HostMetrics } from "../../machine/machine-monitor.ts";
import { isFarmError } from "../../kernel/errors.ts";
import type { World } from "../../kernel/world.ts";
import type { DockerProbe } from "../../sandbox/docker/docker-probe.ts";
import type { DoctorFinding } from "./finding.ts";
import { OwnerSettings } from "../donate/owner-settings.ts";

const MISSING_ENGINE: Readonly<Record<string, string>> = {
  linux: "sudo apt-get install docker.io && sudo systemctl enable --now docker",
  darwin: "brew install --cask docker, then open it once",
  win32: "winget install Docker.DockerDesktop, then start it",
};

/** Containers: only needed to work for strangers. `nvidia`: whether this machine has NVIDIA GPUs. */
export function checkEngine(probe: DockerProbe, platform: NodeJS.Platform, nvidia = false): DoctorFinding[] {
  if (!probe.here) {
    const fix = probe.kind === "no-permission" ? 'sudo usermod -aG docker "$USER", then log in again' : MISSING_ENGINE[platform];
    const detail = `${probe.reason}; needed to donate with containers`;
    return [{ what: "Docker", ok: false, needed: false, detail, fix: fix ?? "install Docker Engine" }];
  }
  const { version, runtimes, environments } = probe;
  const here = { what: "Docker", ok: true, needed: false, detail: `${version}, runtimes ${runtimes.join(", ")}`, fix: undefined };
  return [here, ...checkLimits(probe), ...checkRuntime(probe), checkEnvironments(environments), ...checkGpuRuntime(probe, nvidia)];
}

type Engine = Extract<DockerProbe, { here: true }>;

function checkLimits({ unenforced }: Engine): DoctorFinding[] {
  if (unenforced.length === 0) return [];
  const fix = "add cgroup_enable=memory swapaccount=1 to the kernel's command line (GRUB_CMDLINE_LINUX), sudo update-grub, reboot";
  const detail = `this kernel does not enforce container limits of ${unenforced.join(", ")}`;
  return [{ what: "Docker limits", ok: false, needed: false, detail, fix }];
}

function checkRuntime({ runtime }: Engine): DoctorFinding[] {
  if (runtime.age !== "old") return [];
  const detail = `runc ${runtime.version} has known container escapes: the donor does not use it`;
  return [
    {
      what: "Docker runtime",
      ok: false,
      needed: false,
      detail,
      fix: "install a newer Docker Engine, or bridge donate --allow-old-runtime",
    },
  ];
}

function checkEnvironments(versions: readonly string[]): DoctorFinding {
  const ok = versions.length > 0;
  const detail = ok ? versions.map((version) => `Blender ${version}`).join(", ") : "none; needed to donate with containers";
  return { what: "environments", ok, needed: false, detail, fix: ok ? undefined : "bridge env build" };
}

function checkGpuRuntime({ runtimes }: Engine, nvidia: boolean): DoctorFinding[] {
  if (!nvidia || runtimes.includes("nvidia")) return [];
  const fix = "install nvidia-container-toolkit, sudo nvidia-ctk runtime configure --runtime=docker, sudo systemctl restart docker";
  return [{ what: "Docker GPUs", ok: false, needed: false, detail: "containers cannot use NVIDIA GPUs here", fix }];
}

/** Which of the owner's terms this machine can observe, and which it cannot. */
export async function checkOwner({ clock, disk }: Pick<World, "clock" | "disk">, home: Home): Promise<DoctorFinding[]> {
  const terms = await readOwnerTerms(home);
  const everything = { untouched: true, battery: true, programs: () => true, heat: true, gpus: () => true };
  await using machine = new MachineMonitor(clock.monotonicMs());
  await machine.look(everything, clock.monotonicMs());
  const hostMetrics = await machine.look(everything, clock.monotonicMs());
  return [
    checkDonatedDisk(terms, await disk.freeBytes(home.root)),
    ...checkSensors(terms, hostMetrics),
    checkGpus(await listGpus(), terms),
  ];
}

async function readOwnerTerms(home: Home): Promise<Terms> {
  await using database = openDatabase(home.database);
  return termsOf(termsInForce({}, 0, new OwnerSettings(database.settings).terms()));
}

/** The donated disk space must be free. */
export function checkDonatedDisk(terms: Pick<Terms, "diskBytes">, freeBytes: number): DoctorFinding {
  const ok = freeBytes >= terms.diskBytes;
  const detail = `${gib(terms.diskBytes)} GiB are donated, ${gib(freeBytes)} GiB are free`;
  return {
    what: "donor: disk",
    ok,
    needed: false,
    detail,
    fix: ok ? undefined : `bridge donate set disk=${Math.max(1, Math.floor(freeBytes / 2 ** 31))}g`,
  };
}

/** Each metric that a term may need: whether this machine has a sensor for it. */
export function checkSensors(terms: Terms, hostMetrics: HostMetrics): DoctorFinding[] {
  const signs: readonly TermSensor[] = [
    {
      what: "idle time",
      term: "idle",
      asked: terms.idleMs !== undefined,
      shown: hostMetrics.idleMs === undefined ? undefined : `by ${hostMetrics.idleSensors.join(", ")}`,
      fix: 'sudo usermod -aG input "$USER", then log in again (or install xprintidle)',
    },
    {
      what: "battery",
      term: "battery",
      asked: terms.notOnBattery,
      shown: hostMetrics.onBattery === undefined ? undefined : hostMetrics.onBattery ? "on battery" : "at the mains",
    },
    {
      what: "programs",
      term: "yield",
      asked: terms.yieldTo.length > 0,
      shown: hostMetrics.programs === undefined ? undefined : `${hostMetrics.programs.length} seen`,
    },
    {
      what: "temperature",
      term: "temperature",
      asked: terms.maxCelsius !== undefined,
      shown: shownAs(hostMetrics.celsius, "°C"),
      fix: "sudo apt-get install lm-sensors && sudo sensors-detect --auto",
    },
    {
      what: "power",
      term: "watts",
      asked: terms.maxWatts !== undefined,
      shown: shownAs(hostMetrics.watts, "W"),
      fix: "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj",
    },
  ];
  return signs.map(findingOf);
}

interface TermSensor {
  readonly what: string;
  /** The term that needs it. */
  readonly term: string;
  readonly asked: boolean;
  readonly shown: string | undefined;
  readonly fix?: string;
}

function findingOf({ what, term, asked, shown, fix }: TermSensor): DoctorFinding {
  const detail =
    shown ??
    `not available on this machine${asked ? `, and the term ${term} needs it: the donor stays closed` : `; the term ${term} cannot be used`}`;
  const back = asked ? `bridge donate set ${term}=default` : undefined;
  const command = shown === undefined ? [fix, back].filter((each) => each !== undefined).join(", or ") || undefined : undefined;
  return { what: `donor: ${what}`, ok: shown !== undefined, needed: false, detail, fix: command };
}

function shownAs(value: number | undefined, unit: string): string | undefined {
  return value === undefined ? undefined : `${Math.round(value)} ${unit}`;
}

/** The GPUs of this machine, and whether the donated ones exist. */
export function checkGpus(gpus: readonly Gpu[], terms: Pick<Terms, "gpus">): DoctorFinding {
  const finding = (ok: boolean, detail: string, fix?: string): DoctorFinding => ({ what: "donor: GPUs", ok, needed: false, detail, fix });
  const back = "bridge donate set gpus=none";
  if (gpus.length === 0) {
    const fix = `install the GPU's driver (NVIDIA: nvidia-smi must work; AMD: /dev/kfd must exist), or ${back}`;
    return finding(terms.gpus === "none", "no GPU driver answers", terms.gpus === "none" ? undefined : fix);
  }
  const cards = gpus.map(
    ({ index, name, memoryBytes, driver }) =>
      `${index}: ${name}${memoryBytes === undefined ? "" : `, ${gib(memoryBytes)} GiB`}${driver === undefined ? "" : `, driver ${driver}`}`,
  );
  try {
    chooseGpus(gpus, terms.gpus);
    return finding(true, cards.join("; "));
  } catch (error) {
    if (!isFarmError(error)) throw error;
    return finding(false, `${error.message}; there are ${cards.join("; ")}`, `bridge donate set gpus=all, or ${back}`);
  }
}

function gib(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(0);
}
