import { describe, expect, it } from "vitest";
import { isOnBattery, isOnBatteryByPmset } from "./battery.ts";
import { hottest, joulesBetween } from "./heat.ts";
import { inputCounts, inputDevices, loginIdle, parseGdbusNumber, parseIoreg } from "./input-signs.ts";
import { othersLoad, processorTimes } from "./processor.ts";
import { parseProcessStat } from "../kernel/process-identity.ts";
import { isContainedCgroup, excludeProcessTree, parsePs, parseTasklist } from "./programs.ts";

describe("the load of others", () => {
  const core = (user: number, nice: number, idle: number) => ({ times: { user, nice, sys: 0, irq: 0, idle } });
  it("leaves out low-priority work, which ours is, and the bridge's own", () => {
    const before = processorTimes([core(0, 0, 0), core(0, 0, 0)]);
    const after = processorTimes([core(300, 600, 100), core(100, 900, 0)]);
    expect(othersLoad(before, after, 0)).toBeCloseTo(0.2);
    expect(othersLoad(before, after, 200)).toBeCloseTo(0.1);
    expect(othersLoad(before, after, 9_000)).toBe(0);
  });
  it("is undefined when no time has passed", () => expect(othersLoad(processorTimes([]), processorTimes([]), 0)).toBeUndefined());
});

describe("the battery", () => {
  const mains = { type: "Mains", online: "1", status: undefined, scope: undefined };
  const battery = { type: "Battery", online: undefined, status: "Discharging", scope: undefined };
  it.each([
    ["a laptop at the plug", [mains, { ...battery, status: "Charging" }], false],
    ["a laptop at the plug that is drained all the same", [mains, battery], false],
    ["a laptop without the plug", [{ ...mains, online: "0" }, battery], true],
    [
      "a laptop charged through USB",
      [{ ...mains, online: "0" }, { type: "USB", online: "1", status: undefined, scope: undefined }, battery],
      false,
    ],
    ["a desktop with a wireless mouse", [{ ...battery, scope: "Device" }], false],
    ["a server without supplies to see", [], false],
  ])("of %s", (_, supplies, on) => expect(isOnBattery(supplies)).toBe(on));

  it.each([
    ["Now drawing from 'Battery Power'\n -InternalBattery-0 (id=4653155)\t88%; discharging; 5:12 remaining present: true", true],
    ["Now drawing from 'AC Power'\n -InternalBattery-0 (id=4653155)\t100%; charged; 0:00 remaining present: true", false],
    ["", undefined],
  ])("is parsed from pmset: %j", (text, on) => expect(isOnBatteryByPmset(text)).toBe(on));
});

describe("temperature and energy", () => {
  it("the temperature is the CPU's, if it has a sensor", () =>
    expect(
      hottest([
        { chip: "coretemp", celsius: 71 },
        { chip: "nvme", celsius: 84 },
        { chip: "x86_pkg_temp", celsius: 72 },
      ]),
    ).toBe(72));
  it("otherwise the temperature is the highest plausible one", () =>
    expect(
      hottest([
        { chip: "acpitz", celsius: 28 },
        { chip: "iwlwifi_1", celsius: 41 },
        { chip: "x", celsius: Number.NaN },
        { chip: "y", celsius: 6_552 },
      ]),
    ).toBe(41));
  it("the temperature is undefined without sensors", () => expect(hottest([])).toBeUndefined());
  it("energy is counted over a counter's overflow, and only from counters read twice", () => {
    const before = new Map([["a", { microjoules: 9e6, wrapsAt: 10e6 }]]);
    const after = new Map([
      ["a", { microjoules: 1e6, wrapsAt: 10e6 }],
      ["b", { microjoules: 5e6, wrapsAt: 10e6 }],
    ]);
    expect(joulesBetween(before, after)).toBe(2);
    expect(joulesBetween(new Map(), after)).toBeUndefined();
  });
});

describe("programs", () => {
  it.each([
    ["1234 (blender) S 1200 1234 1200 0 -1", { pid: 1234, parent: 1200, name: "blender" }],
    ["77 (a) b) (c) R 1 77", { pid: 77, parent: 1, name: "a) b) (c" }],
    ["garbage", undefined],
  ])("a program name is read from %j", (text, program) => {
    const { pid, parent, name } = parseProcessStat(text) ?? {};
    expect({ pid, parent, name }).toEqual({ ...program });
  });

  it("the bridge and its child processes are left out, in any order", () => {
    const programs = [
      { pid: 30, parent: 20, name: "grandchild" },
      { pid: 20, parent: 10, name: "blender" },
      { pid: 10, parent: 1, name: "node" },
      { pid: 40, parent: 1, name: "game" },
    ];
    expect(excludeProcessTree(programs, 10).map(({ name }) => name)).toEqual(["game"]);
  });

  it.each([
    ["0::/system.slice/docker-0123abcd.scope", true],
    ["12:memory:/docker/0123abcd", true],
    ["0::/machine.slice/libpod-0123.scope/container", true],
    ["0::/kubepods.slice/kubepods-burstable.slice/x", true],
    ["0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-blender-1.scope", false],
    ["0::/system.slice/docker.service", false],
  ])("a process in the cgroup %j is in a container: %s", (text, contained) => expect(isContainedCgroup(text)).toBe(contained));

  it("are read from ps and from tasklist", () => {
    expect(parsePs("    1     0 /sbin/launchd\n  501   1 /Applications/Blender.app/Contents/MacOS/Blender\n")).toEqual([
      { pid: 1, parent: 0, name: "launchd" },
      { pid: 501, parent: 1, name: "Blender" },
    ]);
    expect(parseTasklist('"System Idle Process","0","Services","0","8 K"\r\n"blender.exe","4812","Console","1","512,340 K"\r\n')).toEqual([
      { pid: 0, parent: 0, name: "System Idle Process" },
      { pid: 4812, parent: 0, name: "blender.exe" },
    ]);
  });
});

describe("signs of user input", () => {
  const session = (fields: Record<string, string>) =>
    Object.entries(fields)
      .map(([name, value]) => `${name}=${value}`)
      .join("\n");
  const idle = { Type: "wayland", Class: "user", IdleHint: "yes", IdleSinceHint: "1700000000000000" };
  it.each([
    ["an idle desktop", [idle], { state: "idle", sinceMs: 1_700_000_000_000 }],
    ["a desktop in use", [{ ...idle, IdleHint: "no", IdleSinceHint: "0" }], { state: "in-use" }],
    ["one of two in use", [idle, { ...idle, Type: "tty", IdleHint: "no" }], { state: "in-use" }],
    [
      "two idle ones: the later counts",
      [idle, { ...idle, IdleSinceHint: "1700000100000000" }],
      { state: "idle", sinceMs: 1_700_000_100_000 },
    ],
    ["only the login screen", [{ ...idle, Class: "greeter", IdleHint: "no" }], { state: "unknown" }],
    ["only a service's session", [{ ...idle, Type: "unspecified", IdleHint: "no" }], { state: "unknown" }],
    ["nobody", [], { state: "unknown" }],
  ])("are read from the login manager: %s", (_, sessions, said) => expect(loginIdle(sessions.map(session).join("\n\n"))).toEqual(said));

  it("are read from the idle times of GNOME and macOS", () => {
    expect(parseGdbusNumber("(uint64 123456,)\n")).toBe(123_456);
    expect(parseGdbusNumber("Error: GDBus.Error")).toBeUndefined();
    expect(parseIoreg('    | |   "HIDIdleTime" = 2541000000\n')).toBe(2_541);
    expect(parseIoreg("")).toBeUndefined();
  });

  it("come from keyboards and pointers, not from power buttons", () => {
    const text = `I: Bus=0019 Vendor=0000 Product=0001 Version=0000
N: Name="Power Button"
H: Handlers=kbd event0 
B: EV=3
B: KEY=10000000000000 0

I: Bus=0011 Vendor=0001 Product=0001 Version=ab41
N: Name="AT Translated Set 2 keyboard"
H: Handlers=sysrq kbd event3 leds 
B: EV=120013
B: KEY=402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe

I: Bus=0018 Vendor=04f3 Product=3140 Version=0100
N: Name="ELAN0676:00 04F3:3140 Touchpad"
H: Handlers=mouse1 event9 
B: EV=1b
B: KEY=e520 10000 0 0 0 0`;
    expect(inputDevices(text)).toEqual(["event3", "event9"]);
    expect(inputDevices("")).toEqual([]);
  });

  it("are counted from interrupts that only input causes", () => {
    const text = `            CPU0       CPU1
   1:          9      40213   IO-APIC    1-edge      i8042
  12:          3        140   IO-APIC   12-edge      i8042
  16:       5000          0   IO-APIC   16-fasteoi   xhci_hcd:usb1
 131:          0       7301  INT34C5:00   27  ELAN0676:00
 LOC:    9999999    9999999   Local timer interrupts`;
    expect(inputCounts(text)).toBe(9 + 40_213 + 3 + 140 + 7_301);
    expect(inputCounts(" 24:  1  0  IO-APIC   5-edge  ACPI:Ged")).toBeUndefined();
  });
});
