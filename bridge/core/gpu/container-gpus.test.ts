import { describe, expect, it } from "vitest";
import { containerGpus } from "./container-gpus.ts";
import { gpuRefusal } from "./engine-refusals.ts";
import { AMD, APPLE, ARC, card } from "./fixtures/cards.ts";

const runtime = { nvidiaRuntime: true, cdi: false };

describe("a container's GPUs", () => {
  it("NVIDIA: exactly these by UUID, with what OptiX needs", () =>
    expect(containerGpus([card(1)], runtime)).toEqual({
      DeviceRequests: [
        {
          Driver: "nvidia",
          DeviceIDs: ["GPU-1f7f5c0e-2a2b-4d8e-9d0a-1c2b3a4d5e6f"],
          Capabilities: [["gpu", "compute", "utility", "graphics"]],
        },
      ],
      Devices: [],
      GroupAdd: [],
    }));
  it("NVIDIA by CDI, when the engine has only that", () =>
    expect(containerGpus([card(0), card(1)], { nvidiaRuntime: false, cdi: true })).toMatchObject({
      DeviceRequests: [{ Driver: "cdi", DeviceIDs: ["nvidia.com/gpu=0", "nvidia.com/gpu=1"] }],
    }));
  it("AMD and Intel: their device files, once each, and groups as numbers", () =>
    expect(containerGpus([AMD, ARC], { nvidiaRuntime: false, cdi: false })).toEqual({
      DeviceRequests: [],
      Devices: ["/dev/kfd", "/dev/dri/renderD128", "/dev/dri/card1", "/dev/dri/renderD129"].map((path) => ({
        PathOnHost: path,
        PathInContainer: path,
        CgroupPermissions: "rw",
      })),
      GroupAdd: ["44", "109"],
    }));
  it("none for none", () => expect(containerGpus([], runtime)).toEqual({ DeviceRequests: [], Devices: [], GroupAdd: [] }));
  it.each([
    ["Apple's", [APPLE], runtime, "Apple"],
    ["NVIDIA's without a runtime", [card(0)], { nvidiaRuntime: false, cdi: false }, "nvidia-container-toolkit"],
    ["a card without files", [{ ...ARC, nodes: [] }], runtime, "device file"],
  ] as const)("is impossible for %s, and says why", (_, gpus, engine, word) =>
    expect(containerGpus(gpus, engine)).toEqual({ impossible: expect.stringContaining(word) }),
  );
});

describe("how engines report GPU support", () => {
  it.each([
    // Docker 20.10.24, 26.1 and 28, word for word.
    ['could not select device driver "nvidia" with capabilities: [[gpu compute utility graphics]]', "no driver for this GPU"],
    ['could not select device driver "" with capabilities: [[gpu]]', "no driver for this GPU"],
    ['could not select device driver "cdi" with capabilities: []', "too old"],
    ["Unknown runtime specified nvidia", "no NVIDIA runtime"],
    ["unknown or invalid runtime name: nvidia", "no NVIDIA runtime"],
    ["CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=9", "does not know this GPU"],
    ['error gathering device information while adding custom device "/dev/kfd": no such file or directory', "/dev/kfd"],
    ['error gathering device information while adding custom device "/dev/dri/renderD128": no such file or directory', "is missing"],
    ["nvidia-container-cli: initialization error: nvml error: driver/library version mismatch", "does not answer inside containers"],
  ])("%s", (message, words) => {
    const refusal = gpuRefusal(message);
    expect(refusal?.message).toContain(words);
    expect(refusal?.fix).not.toBe("");
  });
  it.each(["No such image: sha256:0", "Conflict. The container name is already in use", ""])("%j is nothing about GPUs", (message) =>
    expect(gpuRefusal(message)).toBeUndefined(),
  );
});
