import { describe, expect, it } from "vitest";
import { type CyclesDevice, gpuClass, unusableGpusMessage, gpuUsesOf } from "./cycles-devices.ts";
import { AMD, APPLE, ARC, card } from "./fixtures/cards.ts";

const NAME = "NVIDIA GeForce RTX 3090";
/** As an official Blender lists two equal cards. */
const DEVICES: readonly CyclesDevice[] = [
  { backend: "CUDA", name: NAME, id: `CUDA_${NAME}_0000:01:00` },
  { backend: "CUDA", name: NAME, id: `CUDA_${NAME}_0000:02:00` },
  { backend: "OPTIX", name: NAME, id: `CUDA_${NAME}_0000:01:00_OptiX` },
  { backend: "OPTIX", name: NAME, id: `CUDA_${NAME}_0000:02:00_OptiX` },
  { backend: "HIP", name: "AMD Radeon RX 7900 XTX", id: "HIP_AMD Radeon RX 7900 XTX_0000:0c:00" },
];

describe("the Cycles backends for a set of GPUs", () => {
  it("are OptiX before CUDA, on exactly the given cards", () =>
    expect(gpuUsesOf([card(1)], DEVICES)).toEqual([
      { backend: "OPTIX", deviceIds: [`CUDA_${NAME}_0000:02:00_OptiX`] },
      { backend: "CUDA", deviceIds: [`CUDA_${NAME}_0000:02:00`] },
    ]));
  it("use several cards together", () => expect(gpuUsesOf([card(0), card(1)], DEVICES)[0]?.deviceIds).toHaveLength(2));
  it("are CUDA alone for a build without OptiX", () =>
    expect(
      gpuUsesOf(
        [card(0)],
        DEVICES.filter(({ backend }) => backend !== "OPTIX"),
      ).map(({ backend }) => backend),
    ).toEqual(["CUDA"]));
  it("are HIP for AMD", () => expect(gpuUsesOf([AMD], DEVICES)).toMatchObject([{ backend: "HIP" }]));
  it("match cards by name when Cycles reports no address", () => {
    const arc = { backend: "ONEAPI", name: "Intel Arc A770 Graphics", id: "ONEAPI_Intel Level-Zero_Intel Arc A770 Graphics" } as const;
    const metal = { backend: "METAL", name: "Apple M3 Pro (GPU - 18 cores)", id: "METAL_Apple M3 Pro_4294968417" } as const;
    expect(gpuUsesOf([ARC], [arc])).toEqual([{ backend: "ONEAPI", deviceIds: [arc.id] }]);
    expect(gpuUsesOf([APPLE], [metal])).toEqual([{ backend: "METAL", deviceIds: [metal.id] }]);
  });
  it("are none when one of the cards is missing, or when vendors are mixed", () => {
    expect(gpuUsesOf([card(0), card(5)], DEVICES)).toEqual([]);
    expect(gpuUsesOf([card(0), AMD], DEVICES)).toEqual([]);
    expect(gpuUsesOf([], DEVICES)).toEqual([]);
  });
});

it("the message says which card Blender does not see, and what it sees instead", () => {
  expect(unusableGpusMessage([card(0)], [])).toBe(
    "Blender does not see NVIDIA GeForce RTX 3090 through OptiX or CUDA: it renders on the CPU",
  );
  expect(unusableGpusMessage([ARC], DEVICES.slice(0, 1))).toContain("only NVIDIA GeForce RTX 3090 (CUDA)");
});

describe("the device class of a GPU", () => {
  const build = { blenderVersion: "5.2.0", buildHash: "abc" };
  it("is its backend, architecture and driver", () =>
    expect(gpuClass(build, [card(0), card(1)], "OPTIX")).toEqual({ ...build, backend: "OPTIX", arch: "sm_86", driver: "550.54.14" }));
  it("fits the message's limits whatever a driver reports", () => {
    const odd = card(0, { arch: undefined, name: `Weird <Card> ${"x".repeat(99)}`, driver: "1 2/3" });
    const { arch, driver } = gpuClass(build, [odd], "CUDA");
    expect(arch).toMatch(/^[\w.-]{1,32}$/);
    expect(driver).toBe("1-2-3");
  });
});
