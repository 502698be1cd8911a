import { join } from "node:path";
import { listNames, type SystemRoots, readTextOrNothing } from "./sources.ts";

/** The kernel's names of sensor chips in CPUs. */
const PROCESSOR_CHIPS: ReadonlySet<string> = new Set([
  "coretemp",
  "k10temp",
  "zenpower",
  "cpu_thermal",
  "x86_pkg_temp",
  "soc_thermal",
  "cpu-thermal",
]);

export interface Sensor {
  readonly chip: string;
  readonly celsius: number;
}

/** The highest CPU temperature; of any sensor if the CPU has no known one; undefined without sensors. */
export function hottest(sensors: readonly Sensor[]): number | undefined {
  const sane = sensors.filter(({ celsius }) => celsius > 0 && celsius < 150);
  const inside = sane.filter(({ chip }) => PROCESSOR_CHIPS.has(chip));
  const chosen = inside.length > 0 ? inside : sane;
  return chosen.length === 0 ? undefined : Math.max(...chosen.map(({ celsius }) => celsius));
}

/** Degrees Celsius of this machine's CPU; undefined if unknown. */
export async function processorCelsius(roots: SystemRoots): Promise<number | undefined> {
  return hottest([...(await hwmonSensors(roots)), ...(await thermalZones(roots))]);
}

async function hwmonSensors({ sys }: SystemRoots): Promise<Sensor[]> {
  const folder = join(sys, "class", "hwmon");
  const chips = (await listNames(folder)) ?? [];
  const sensors = await Promise.all(
    chips.map(async (chip) => {
      const name = (await readTextOrNothing(join(folder, chip, "name"))) ?? chip;
      const inputs = ((await listNames(join(folder, chip))) ?? []).filter((file) => /^temp\d+_input$/.test(file));
      return await Promise.all(inputs.map(async (file) => ({ chip: name, celsius: await thousandth(join(folder, chip, file)) })));
    }),
  );
  return sensors.flat();
}

async function thermalZones({ sys }: SystemRoots): Promise<Sensor[]> {
  const folder = join(sys, "class", "thermal");
  const zones = ((await listNames(folder)) ?? []).filter((name) => name.startsWith("thermal_zone"));
  return await Promise.all(
    zones.map(async (zone) => ({
      chip: (await readTextOrNothing(join(folder, zone, "type"))) ?? zone,
      celsius: await thousandth(join(folder, zone, "temp")),
    })),
  );
}

async function thousandth(path: string): Promise<number> {
  const text = await readTextOrNothing(path);
  return text === undefined || text === "" ? Number.NaN : Number(text) / 1_000;
}

/** A reading of an energy counter, which wraps at `wrapsAt`. */
export interface EnergyReading {
  readonly microjoules: number;
  readonly wrapsAt: number;
}

/** Joules between two readings of the same counters, by name; undefined when none was read twice. */
export function joulesBetween(before: ReadonlyMap<string, EnergyReading>, after: ReadonlyMap<string, EnergyReading>): number | undefined {
  let sum: number | undefined;
  for (const [name, { microjoules, wrapsAt }] of after) {
    const old = before.get(name)?.microjoules;
    if (old === undefined) continue;
    const used = microjoules >= old ? microjoules - old : microjoules + wrapsAt - old;
    sum = (sum ?? 0) + used / 1e6;
  }
  return sum;
}

/** The CPU packages' energy counters (RAPL); most systems allow only root to read them. */
export async function processorEnergy({ sys }: SystemRoots): Promise<ReadonlyMap<string, EnergyReading>> {
  const folder = join(sys, "class", "powercap");
  const packages = ((await listNames(folder)) ?? []).filter((name) => /^intel-rapl:\d+$/.test(name));
  const readings = new Map<string, EnergyReading>();
  for (const name of packages) {
    const microjoules = Number((await readTextOrNothing(join(folder, name, "energy_uj"))) || Number.NaN);
    const wrapsAt = Number((await readTextOrNothing(join(folder, name, "max_energy_range_uj"))) || Number.NaN);
    if (Number.isFinite(microjoules) && Number.isFinite(wrapsAt)) readings.set(name, { microjoules, wrapsAt });
  }
  return readings;
}
