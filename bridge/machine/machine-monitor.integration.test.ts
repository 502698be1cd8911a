import { constants } from "node:fs";
import { copyFile, mkdir, mkdtemp, open, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type MetricsRequest, MachineMonitor } from "./machine-monitor.ts";
import type { SystemRoots } from "./sources.ts";

let root: string;
let roots: SystemRoots;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "machine-"));
  roots = { proc: join(root, "proc"), sys: join(root, "sys"), dev: join(root, "dev") };
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

const NOTHING: MetricsRequest = { untouched: false, battery: false, programs: undefined, heat: false, gpus: undefined };
const watch = (nowMs = 0) => new MachineMonitor(nowMs, { roots, platform: "linux" });

describe("the metrics of a machine made of files", () => {
  it("read the battery, the temperature and the energy", async () => {
    await put("sys/class/power_supply/AC/type", "Mains\n");
    await put("sys/class/power_supply/AC/online", "0\n");
    await put("sys/class/power_supply/BAT0/type", "Battery\n");
    await put("sys/class/power_supply/BAT0/status", "Discharging\n");
    await put("sys/class/hwmon/hwmon2/name", "coretemp\n");
    await put("sys/class/hwmon/hwmon2/temp1_input", "67000\n");
    await put("sys/class/hwmon/hwmon2/temp1_max", "100000\n");
    await put("sys/class/thermal/thermal_zone0/type", "acpitz\n");
    await put("sys/class/thermal/thermal_zone0/temp", "90000\n");
    await put("sys/class/powercap/intel-rapl:0/energy_uj", "1000000\n");
    await put("sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n");
    await put("sys/class/powercap/intel-rapl:0:0/energy_uj", "7\n");
    await using machine = watch();
    await machine.look({ ...NOTHING, heat: true }, 0);
    await put("sys/class/powercap/intel-rapl:0/energy_uj", "91000000\n");
    expect(await machine.look({ ...NOTHING, battery: true, heat: true }, 2_000)).toMatchObject({
      onBattery: true,
      celsius: 67,
      joules: 90,
      watts: 45,
    });
  });

  it("are undefined when there is no sensor", async () => {
    await using machine = watch();
    expect(await machine.look({ ...NOTHING, untouched: true, battery: true, heat: true, programs: () => true }, 0)).toMatchObject({
      idleMs: undefined,
      onBattery: undefined,
      celsius: undefined,
      watts: undefined,
      programs: undefined,
    });
  });

  it("find the requested programs, except in containers", async () => {
    await put("proc/40/stat", "40 (game) S 1 40");
    await put("proc/40/cgroup", "0::/user.slice/x");
    await put("proc/41/stat", "41 (blender) S 1 41");
    await put("proc/41/cgroup", "0::/system.slice/docker-abc.scope");
    await put("proc/42/stat", `42 (blender) S ${process.pid} 42`);
    await put("proc/43/stat", "43 (bash) S 1 43");
    await using machine = watch();
    const { programs } = await machine.look({ ...NOTHING, programs: (name) => name !== "bash" }, 0);
    expect(programs).toEqual(["game"]);
  });

  it("detect keyboard input, and idle time after it", async () => {
    await put("proc/bus/input/devices", 'N: Name="keyboard"\nH: Handlers=sysrq kbd event3 leds\nB: KEY=4 3 2 1\n');
    await mkdir(join(root, "dev/input"), { recursive: true });
    const device = join(root, "dev/input/event3");
    await execa("mkfifo", [device]);
    await using keyboard = await open(device, constants.O_RDWR | constants.O_NONBLOCK);
    await using machine = watch(1_000);
    const asked = { ...NOTHING, untouched: true };
    expect(await machine.look(asked, 5_000)).toMatchObject({ idleMs: 4_000, idleSensors: ["input devices"] });
    await keyboard.write(new Uint8Array(24));
    expect((await machine.look(asked, 60_000)).idleMs).toBe(0);
    expect((await machine.look(asked, 90_000)).idleMs).toBe(30_000);
  });

  it("detect typing into a terminal, by the idle time of the terminal", async () => {
    await put("dev/pts/0", "");
    await put("dev/pts/ptmx", "");
    const nowMs = Date.now();
    await utimes(join(root, "dev/pts/0"), (nowMs - 20_000) / 1_000, nowMs / 1_000);
    await using machine = watch(nowMs);
    const { idleMs, idleSensors } = await machine.look({ ...NOTHING, untouched: true }, nowMs);
    expect(idleSensors).toContain("terminals");
    expect(idleMs).toBeGreaterThanOrEqual(19_900);
    expect(idleMs).toBeLessThanOrEqual(20_100);
  });

  it("do not rely on terminals alone when a display is attached", async () => {
    await put("dev/pts/0", "");
    await put("sys/class/drm/card0-HDMI-A-1/status", "connected");
    await put("proc/bus/input/devices", 'N: Name="mouse"\nH: Handlers=mouse0 event4\nB: KEY=70000 0 0 0 0\n');
    await using machine = watch();
    expect((await machine.look({ ...NOTHING, untouched: true }, 0)).idleMs).toBeUndefined();
  });
});

/** Total CPU time of this machine, and that of low-priority work, from the kernel. */
async function processorTicks(): Promise<{ readonly nice: number; readonly total: number }> {
  const [, ...fields] = ((await readFile("/proc/stat", "utf8")).split("\n")[0] ?? "").trim().split(/\s+/);
  const ticks = fields.slice(0, 8).map(Number);
  return { nice: ticks[1] ?? Number.NaN, total: ticks.reduce((sum, each) => sum + each, 0) };
}

describe.runIf(process.platform === "linux")("a look at this machine", () => {
  it("measure the load of others, without low-priority work", async () => {
    const spin = ["-e", "while (true);"];
    const during = async (command: string, args: readonly string[]) => {
      const workers = Array.from({ length: availableParallelism() }, () => execa(command, [...args], { reject: false }));
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await using machine = new MachineMonitor(performance.now());
      await machine.look(NOTHING, performance.now());
      const before = await processorTicks();
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      const load = (await machine.look(NOTHING, performance.now())).othersLoad ?? Number.NaN;
      const after = await processorTicks();
      for (const worker of workers) worker.kill("SIGKILL");
      await Promise.all(workers);
      return { load, niceShare: (after.nice - before.nice) / (after.total - before.total) };
    };
    const weak = await during("nice", ["-n", "19", process.execPath, ...spin]);
    const strong = await during(process.execPath, spin);
    expect(strong.load).toBeGreaterThan(0.5);
    // Other work may run on this machine during the test: low-priority work is never counted.
    expect(weak.load).toBeLessThan(1 - weak.niceShare + 0.15);
  });

  it("find a running program by its name, but none that this bridge started", async () => {
    const sleeper = join(root, "owners-game");
    await copyFile("/bin/sleep", sleeper);
    await using machine = new MachineMonitor(0);
    const look = () => machine.look({ ...NOTHING, programs: (name) => name === "owners-game" }, 0);
    const own = execa(sleeper, ["30"], { reject: false });
    expect((await look()).programs).toEqual([]);
    const { stdout } = await execa("sh", ["-c", `setsid '${sleeper}' 30 >/dev/null 2>&1 & echo $!`]);
    // It has its program's name only after exec, a moment after the shell has continued.
    await expect.poll(async () => (await look()).programs).toEqual(["owners-game"]);
    process.kill(Number(stdout.trim()));
    own.kill();
    await own;
  });
});
