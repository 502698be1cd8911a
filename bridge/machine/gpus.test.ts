import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { amdGpus, gfxArch, nameInAmdgpuIds, parseKfdNode, parseRocmSmi } from "./amd-gpus.ts";
import { parseSystemProfiler } from "./apple-gpus.ts";
import { listGpus } from "./gpus.ts";
import { intelGpus, parseXpuSmi } from "./intel-gpus.ts";
import { parseNvidiaSmi } from "./nvidia-gpus.ts";
import type { SystemRoots } from "./sources.ts";

describe("nvidia-smi", () => {
  it("lists each GPU, with undefined for what it does not report", () => {
    const text = [
      "0, GPU-5f7f5c0e-2a2b-4d8e-9d0a-1c2b3a4d5e6f, 00000000:01:00.0, NVIDIA GeForce RTX 4090, 24564, 1523, 37, 61, 212.45, 550.54.14, 8.9",
      "1, GPU-00000000-1111-2222-3333-444444444444, 00000000:A1:00.0, NVIDIA H100 80GB HBM3, 81559, 0, 0, 30, 70.12, 550.54.14, 9.0",
      "2, GPU-aaaaaaaa-1111-2222-3333-444444444444, 00000000:41:00.0, NVIDIA GeForce GT 710, 2000, [N/A], [N/A], 44, [Not Supported], 470.223.02, 3.5",
      "",
    ].join("\n");
    const gpus = parseNvidiaSmi(text);
    expect(gpus).toHaveLength(3);
    expect(gpus[0]).toEqual({
      vendor: "nvidia",
      index: 0,
      driverIndex: 0,
      id: "GPU-5f7f5c0e-2a2b-4d8e-9d0a-1c2b3a4d5e6f",
      name: "NVIDIA GeForce RTX 4090",
      pci: "0000:01:00.0",
      driver: "550.54.14",
      arch: "sm_89",
      nodes: [],
      groups: [],
      memoryBytes: 24_564 * 2 ** 20,
      memoryUsedBytes: 1_523 * 2 ** 20,
      load: 0.37,
      celsius: 61,
      watts: 212.45,
    });
    expect(gpus[1]).toMatchObject({ pci: "0000:a1:00.0", arch: "sm_90" });
    expect(gpus[2]).toMatchObject({ memoryUsedBytes: undefined, load: undefined, watts: undefined });
  });

  it.each([
    "No devices were found",
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
    'Field "compute_cap" is not a valid field to query.',
    "0, x, y",
    "",
  ])("finds no GPUs in %j", (text) => expect(parseNvidiaSmi(text)).toEqual([]));
});

describe("AMD", () => {
  it("names architectures as LLVM does", () =>
    expect([110_000, 100_300, 90_010, 90_402, 110_501, 0, -1, 1.5].map(gfxArch)).toEqual([
      "gfx1100",
      "gfx1030",
      "gfx90a",
      "gfx942",
      "gfx1151",
      undefined,
      undefined,
      undefined,
    ]));

  it("reads a node of the compute driver, and skips CPUs", () => {
    const node = "cpu_cores_count 0\nsimd_count 192\nmem_banks_count 1\ngfx_target_version 110000\nlocation_id 768\ndrm_render_minor 129\n";
    expect(parseKfdNode(node)).toEqual({ renderMinor: 129, arch: "gfx1100" });
    expect(parseKfdNode("cpu_cores_count 32\nsimd_count 0\ngfx_target_version 0\ndrm_render_minor 0\n")).toBeUndefined();
    expect(parseKfdNode("")).toBeUndefined();
  });

  it("finds a GPU's name in libdrm's list", () => {
    const list = "# List of AMDGPU IDs\n1.0.0\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n744C,\tCC,\tAMD Radeon RX 7900 XT\n";
    expect(nameInAmdgpuIds(list, { deviceId: "744c", revision: "cc" })).toBe("AMD Radeon RX 7900 XT");
    expect(nameInAmdgpuIds(list, { deviceId: "744c", revision: "00" })).toBeUndefined();
  });

  it("reads rocm-smi's output in its variants, and rejects anything else", () => {
    const old = '{"card0": {"Card series": "Instinct MI210", "Card model": "0x0c34", "PCI Bus": "0000:31:00.0"}}';
    const fresh =
      'WARNING: AMD GPU device(s) is/are in a low-power state.\n{"card1": {"Device Name": "N/A", "Card Series": "AMD Radeon PRO W7900", "GFX Version": "gfx1100", "PCI Bus": "0000:34:00.0"}}';
    expect([...parseRocmSmi(old)]).toEqual([["0000:31:00.0", "Instinct MI210"]]);
    expect([...parseRocmSmi(fresh)]).toEqual([["0000:34:00.0", "AMD Radeon PRO W7900"]]);
    for (const text of ["", "{", "[]", '{"card0": 1}', '{"card0": {"PCI Bus": 7}}', "No AMD GPUs"]) expect(parseRocmSmi(text).size).toBe(0);
  });
});

describe("xpu-smi", () => {
  it("reads names by address, and memory when it is reported", () => {
    const text = `{ "device_list": [
      { "device_id": 0, "device_name": "Intel(R) Data Center GPU Flex Series 170", "device_type": "GPU", "pci_bdf_address": "0000:4d:00.0",
        "pci_device_id": "56c0", "uuid": "01000000-0000-004d-0000-000856c08086", "vendor_name": "Intel(R) Corporation" },
      { "device_id": 1, "device_name": "Intel(R) Arc(TM) A770 Graphics", "pci_bdf_address": "0000:03:00.0", "memory_physical_size_byte": "17102532608" } ] }`;
    expect([...parseXpuSmi(text)]).toEqual([
      ["0000:4d:00.0", { name: "Intel(R) Data Center GPU Flex Series 170", memoryBytes: undefined }],
      ["0000:03:00.0", { name: "Intel(R) Arc(TM) A770 Graphics", memoryBytes: 17_102_532_608 }],
    ]);
    expect(parseXpuSmi('{"error": "Level Zero Initialization Error", "errno": 11}').size).toBe(0);
  });
});

describe("system_profiler", () => {
  const machine = { memoryBytes: 2 ** 35, system: "macos-24.5.0" };
  it("lists the GPUs that Metal supports; Apple's own share the main memory", () => {
    const text = `{"SPDisplaysDataType": [{"_name": "Apple M3 Pro", "sppci_model": "Apple M3 Pro", "spdisplays_mtlgpufamilysupport": "spdisplays_metal3",
      "spdisplays_vendor": "sppci_vendor_Apple", "sppci_cores": "18", "spdisplays_ndrvs": [{"_name": "Color LCD"}]}]}`;
    expect(parseSystemProfiler(text, machine)).toMatchObject([
      { vendor: "apple", index: 0, name: "Apple M3 Pro", arch: "Apple-M3-Pro", memoryBytes: 2 ** 35, driver: "macos-24.5.0" },
    ]);
  });
  it("leaves out GPUs that Metal does not support", () =>
    expect(parseSystemProfiler('{"SPDisplaysDataType": [{"_name": "VMware SVGA"}]}', machine)).toEqual([]));
});

describe("GPUs as files", () => {
  let root: string;
  let roots: SystemRoots;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "gpus-"));
    roots = { proc: join(root, "proc"), sys: join(root, "sys"), dev: join(root, "dev") };
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function put(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }

  async function card(minor: number, driver: string, pciId: string, slot: string): Promise<void> {
    for (const name of [`renderD${minor}`, `card${minor - 127}`]) {
      await put(`sys/class/drm/${name}/device/uevent`, `DRIVER=${driver}\nPCI_CLASS=30000\nPCI_ID=${pciId}\nPCI_SLOT_NAME=${slot}\n`);
      await put(`dev/dri/${name}`, "");
    }
  }

  it("an AMD GPU: its address, architecture, device files, memory, load, temperature and power", async () => {
    await card(128, "amdgpu", "1002:744C", "0000:03:00.0");
    await put("sys/class/drm/renderD128/device/revision", "0xc8\n");
    await put("sys/class/drm/renderD128/device/product_name", "AMD Radeon RX 7900 XTX\n");
    await put("sys/class/drm/renderD128/device/mem_info_vram_total", "25753026560\n");
    await put("sys/class/drm/renderD128/device/mem_info_vram_used", "1073741824\n");
    await put("sys/class/drm/renderD128/device/gpu_busy_percent", "42\n");
    await put("sys/class/drm/renderD128/device/hwmon/hwmon3/temp1_input", "56000\n");
    await put("sys/class/drm/renderD128/device/hwmon/hwmon3/power1_average", "231000000\n");
    await put("sys/class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 16\ngfx_target_version 0\ndrm_render_minor 0\n");
    await put("sys/class/kfd/kfd/topology/nodes/1/properties", "simd_count 192\ngfx_target_version 110000\ndrm_render_minor 128\n");
    await put("sys/module/amdgpu/version", "6.8.5\n");
    await put("dev/kfd", "");
    expect(await amdGpus(roots)).toEqual([
      {
        vendor: "amd",
        index: 0,
        driverIndex: 0,
        id: "0000:03:00.0",
        name: "AMD Radeon RX 7900 XTX",
        pci: "0000:03:00.0",
        driver: "6.8.5",
        arch: "gfx1100",
        nodes: [join(root, "dev/kfd"), join(root, "dev/dri/renderD128"), join(root, "dev/dri/card1")],
        groups: expect.any(Array),
        memoryBytes: 25_753_026_560,
        memoryUsedBytes: 2 ** 30,
        load: 0.42,
        celsius: 56,
        watts: 231,
      },
    ]);
  });

  it("an AMD GPU that the compute driver does not know cannot render", async () => {
    await card(128, "amdgpu", "1002:67DF", "0000:03:00.0");
    expect(await amdGpus(roots)).toEqual([]);
  });

  it("Intel GPUs in order; numbering continues over the vendors", async () => {
    await card(128, "i915", "8086:56A0", "0000:03:00.0");
    await card(129, "xe", "8086:E20B", "0000:07:00.0");
    await card(130, "nouveau", "10DE:2204", "0000:0a:00.0");
    const gpus = await intelGpus(roots);
    expect(gpus).toMatchObject([
      { id: "0000:03:00.0", arch: "8086-56a0", name: "Intel GPU 8086:56a0", memoryBytes: undefined },
      { id: "0000:07:00.0", arch: "8086-e20b", nodes: [join(root, "dev/dri/renderD129"), join(root, "dev/dri/card2")] },
    ]);
    expect((await listGpus(roots, "linux")).filter(({ vendor }) => vendor === "intel").map(({ driverIndex }) => driverIndex)).toEqual([
      0, 1,
    ]);
  });

  it("none when there are no files", async () => expect([...(await amdGpus(roots)), ...(await intelGpus(roots))]).toEqual([]));
});
