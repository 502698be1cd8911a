import { join } from "node:path";
import { listNames, type SystemRoots, outputOfCommand, readTextOrNothing } from "./sources.ts";

/** One entry of /sys/class/power_supply. */
export interface PowerSupply {
  readonly type: string | undefined;
  readonly online: string | undefined;
  readonly status: string | undefined;
  /** "Device" for batteries of mice and the like. */
  readonly scope: string | undefined;
}

/** Whether a machine with these supplies runs on battery: a battery discharges and there is no mains power. */
export function isOnBattery(supplies: readonly PowerSupply[]): boolean {
  const own = supplies.filter(({ scope }) => scope !== "Device");
  if (own.some(({ type, online }) => type !== "Battery" && type !== "UPS" && online === "1")) return false;
  return own.some(({ type, status }) => type === "Battery" && status === "Discharging");
}

/** Parses `pmset -g batt` of macOS; undefined for anything else. */
export function isOnBatteryByPmset(text: string): boolean | undefined {
  const source = /drawing from '([^']+)'/.exec(text)?.[1];
  return source === undefined ? undefined : source === "Battery Power";
}

/** Whether this machine runs on battery; undefined if unknown. */
export async function onBattery(roots: SystemRoots, platform: NodeJS.Platform): Promise<boolean | undefined> {
  if (platform === "darwin") return isOnBatteryByPmset((await outputOfCommand("pmset", ["-g", "batt"])) ?? "");
  if (platform !== "linux") return undefined;
  const folder = join(roots.sys, "class", "power_supply");
  const names = await listNames(folder);
  if (names === undefined) return undefined;
  return isOnBattery(await Promise.all(names.map((name) => supplyAt(join(folder, name)))));
}

async function supplyAt(path: string): Promise<PowerSupply> {
  const [type, online, status, scope] = await Promise.all(
    ["type", "online", "status", "scope"].map((name) => readTextOrNothing(join(path, name))),
  );
  return { type, online, status, scope };
}
