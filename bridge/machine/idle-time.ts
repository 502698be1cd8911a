import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { uptime } from "node:os";
import { join } from "node:path";
import { inputCounts, inputDevices, loginIdle, parseGdbusNumber, parseIoreg } from "./input-signs.ts";
import { listNames, type SystemRoots, outputOfCommand, readTextOrNothing } from "./sources.ts";

/** The sources of idle time on this machine, and those that failed. */
export interface IdleSensors {
  /** Time since the last user input; undefined if unknown. */
  readonly idleMs: number | undefined;
  /** Names of the sources that work here. */
  readonly from: readonly string[];
}

interface IdleSource {
  readonly name: string;
  /** Whether it detects input at a display; others only detect terminals. */
  readonly seesScreens: boolean;
  readonly isLastResort?: boolean;
  /** Milliseconds since the last input; undefined if unknown. */
  read(nowMs: number): Promise<number | undefined>;
}

/**
 * Detects user input by the desktop, the login manager, the input devices and the terminals.
 * The most recent one counts. Unknown on a machine with a display of which no source can be read.
 */
export class IdleDetector implements AsyncDisposable {
  readonly #roots: SystemRoots;
  readonly #platform: NodeJS.Platform;
  readonly #startedMs: number;
  readonly #devices = new Map<string, FileHandle>();
  #counts: number | undefined;
  #deviceTouchMs: number | undefined;
  #interruptTouchMs: number | undefined;

  constructor(roots: SystemRoots, platform: NodeJS.Platform, nowMs: number) {
    this.#roots = roots;
    this.#platform = platform;
    this.#startedMs = nowMs;
  }

  async look(nowMs: number): Promise<IdleSensors> {
    const signs = this.#platform === "linux" ? this.#linuxSigns() : this.#platform === "darwin" ? [macSign] : [];
    const spoken: { readonly sign: IdleSource; readonly ms: number }[] = [];
    for (const sign of signs) {
      // The login manager is less precise than the sources before it, and needs two processes.
      if (sign.isLastResort && spoken.some(({ sign: { seesScreens } }) => seesScreens)) continue;
      const ms = await sign.read(nowMs);
      if (ms !== undefined) spoken.push({ sign, ms: Math.max(0, ms) });
    }
    const from = spoken.map(({ sign }) => sign.name);
    const blind = spoken.length === 0 || ((await this.#hasScreen()) && !spoken.some(({ sign }) => sign.seesScreens));
    return { from, idleMs: blind ? undefined : Math.min(uptime() * 1_000, ...spoken.map(({ ms }) => ms)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const device of this.#devices.values()) await device.close();
    this.#devices.clear();
  }

  #linuxSigns(): readonly IdleSource[] {
    return [
      { name: "input devices", seesScreens: true, read: (nowMs) => this.#readDevices(nowMs) },
      { name: "GNOME", seesScreens: true, read: readMutter },
      { name: "xprintidle", seesScreens: true, read: readXprintidle },
      { name: "login sessions", seesScreens: true, isLastResort: true, read: readLogins },
      { name: "input interrupts", seesScreens: false, read: (nowMs) => this.#readInterrupts(nowMs) },
      { name: "terminals", seesScreens: false, read: (nowMs) => this.#readTerminals(nowMs) },
    ];
  }

  async #hasScreen(): Promise<boolean> {
    if (this.#platform !== "linux") return true;
    if (process.env["DISPLAY"] !== undefined || process.env["WAYLAND_DISPLAY"] !== undefined) return true;
    const [cards, devices] = await Promise.all([
      listNames(join(this.#roots.sys, "class", "drm")),
      readTextOrNothing(join(this.#roots.proc, "bus", "input", "devices")),
    ]);
    return (cards ?? []).some((name) => /^card\d+-/.test(name)) && inputDevices(devices ?? "").length > 0;
  }

  /** Keyboards and mice themselves, if they are readable: drains the events since the last call. */
  async #readDevices(nowMs: number): Promise<number | undefined> {
    const wanted = inputDevices((await readTextOrNothing(join(this.#roots.proc, "bus", "input", "devices"))) ?? "");
    for (const name of wanted) {
      if (this.#devices.has(name)) continue;
      const device = await open(join(this.#roots.dev, "input", name), constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
      if (device) this.#devices.set(name, device);
    }
    if (this.#devices.size === 0) return undefined;
    for (const [name, device] of this.#devices) {
      const came = await drain(device);
      if (came === "gone") {
        this.#devices.delete(name);
        await device.close().catch(() => {});
      } else if (came === "touched") this.#deviceTouchMs = nowMs;
    }
    return nowMs - (this.#deviceTouchMs ?? this.#startedMs);
  }

  async #readInterrupts(nowMs: number): Promise<number | undefined> {
    const counts = inputCounts((await readTextOrNothing(join(this.#roots.proc, "interrupts"))) ?? "");
    if (counts === undefined) return undefined;
    if (this.#counts !== undefined && counts !== this.#counts) this.#interruptTouchMs = nowMs;
    this.#counts = counts;
    return nowMs - (this.#interruptTouchMs ?? this.#startedMs);
  }

  /** Terminals store the time of the last input. */
  async #readTerminals(nowMs: number): Promise<number | undefined> {
    const folder = join(this.#roots.dev, "pts");
    const names = (await listNames(folder))?.filter((name) => /^\d+$/.test(name));
    if (names === undefined) return undefined;
    const times = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
    const last = Math.max(0, ...times.map((time) => time?.atimeMs ?? 0));
    return last === 0 ? nowMs - this.#startedMs + uptime() * 1_000 : nowMs - last;
  }
}

const macSign: IdleSource = {
  name: "IOHIDSystem",
  seesScreens: true,
  read: async () => parseIoreg((await outputOfCommand("ioreg", ["-c", "IOHIDSystem", "-d", "4"])) ?? ""),
};

async function readMutter(): Promise<number | undefined> {
  if (process.env["DBUS_SESSION_BUS_ADDRESS"] === undefined) return undefined;
  const place = ["--dest", "org.gnome.Mutter.IdleMonitor", "--object-path", "/org/gnome/Mutter/IdleMonitor/Core"];
  const text = await outputOfCommand("gdbus", ["call", "--session", ...place, "--method", "org.gnome.Mutter.IdleMonitor.GetIdletime"]);
  return parseGdbusNumber(text ?? "");
}

async function readXprintidle(): Promise<number | undefined> {
  if (process.env["DISPLAY"] === undefined) return undefined;
  const text = await outputOfCommand("xprintidle", []);
  return text !== undefined && /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}

/** User sessions of the login manager; one that is not marked idle is in use. */
async function readLogins(nowMs: number): Promise<number | undefined> {
  const list = await outputOfCommand("loginctl", ["list-sessions", "--no-legend"]);
  const ids = list?.split("\n").flatMap((line) => /^\s*(\S+)/.exec(line)?.[1] ?? []);
  if (ids === undefined || ids.length === 0) return undefined;
  const text = await outputOfCommand("loginctl", [
    "show-session",
    ...ids,
    "-p",
    "Type",
    "-p",
    "Class",
    "-p",
    "IdleHint",
    "-p",
    "IdleSinceHint",
  ]);
  const idle = loginIdle(text ?? "");
  return idle.state === "unknown" ? undefined : idle.state === "in-use" ? 0 : nowMs - idle.sinceMs;
}

/** Reads pending events of a device without blocking. */
async function drain(device: FileHandle): Promise<"touched" | "quiet" | "gone"> {
  const buffer = new Uint8Array(64 * 1024);
  let came = false;
  while (true) {
    try {
      const { bytesRead } = await device.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return came ? "touched" : "quiet";
      came = true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return "gone";
      return came ? "touched" : "quiet";
    }
  }
}
