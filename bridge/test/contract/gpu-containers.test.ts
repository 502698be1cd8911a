import { Readable } from "node:stream";
import Docker from "dockerode";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { containerGpus, type GpuHostConfig } from "../../core/gpu/container-gpus.ts";
import { gpuRefusal } from "../../core/gpu/engine-refusals.ts";
import { AMD, card } from "../../core/gpu/fixtures/cards.ts";

const engine = new Docker();
const IMAGE = "p2p-render-test/nothing:latest";

/** An empty tar: enough for an image whose program never runs. */
const EMPTY_TAR = Buffer.alloc(1024);

beforeAll(async () => {
  const stream = await engine.importImage(Readable.from([EMPTY_TAR]) as never, { repo: "p2p-render-test/nothing", tag: "latest" });
  await new Promise((resolve, reject) => engine.modem.followProgress(stream, (error) => (error ? reject(error) : resolve(undefined))));
});
afterAll(() => engine.getImage(IMAGE).remove({ force: true }));

/** Creates a container with these devices: returns the engine's configuration of it, and the error of starting it. */
async function tried(devices: GpuHostConfig | { readonly impossible: string }) {
  if ("impossible" in devices) throw new Error(devices.impossible);
  const container = await engine.createContainer({ Image: IMAGE, Cmd: ["/nothing"], HostConfig: { NetworkMode: "none", ...devices } });
  try {
    const { HostConfig } = await container.inspect();
    const refusal = await container.start().then(
      () => "",
      (error: unknown) => (error as { json?: { message?: string } }).json?.message ?? String(error),
    );
    return { noted: HostConfig, refusal };
  } finally {
    await container.remove({ force: true });
  }
}

/** On a machine without such GPUs the engine accepts the request, and refuses the start with a known error. */
describe("a real engine", () => {
  it("creates a container with the requested NVIDIA GPUs and driver capabilities", async () => {
    const devices = containerGpus([card(0), card(1)], { nvidiaRuntime: true, cdi: false });
    const { noted, refusal } = await tried(devices);
    expect(noted.DeviceRequests).toMatchObject((devices as GpuHostConfig).DeviceRequests);
    expect(gpuRefusal(refusal), refusal).toBeDefined();
  });

  it("creates a container with GPUs by CDI", async () => {
    const { noted, refusal } = await tried(containerGpus([card(0)], { nvidiaRuntime: false, cdi: true }));
    expect(noted.DeviceRequests).toMatchObject([{ Driver: "cdi", DeviceIDs: ["nvidia.com/gpu=0"] }]);
    expect(gpuRefusal(refusal), refusal).toBeDefined();
  });

  it("creates a container with device files and numeric groups", async () => {
    const gone = { ...AMD, nodes: ["/dev/kfd-of-nobody"] };
    const { noted, refusal } = await tried(containerGpus([gone], { nvidiaRuntime: false, cdi: false }));
    expect(noted.Devices).toEqual([{ PathOnHost: "/dev/kfd-of-nobody", PathInContainer: "/dev/kfd-of-nobody", CgroupPermissions: "rw" }]);
    expect(noted.GroupAdd).toEqual(["44", "109"]);
    expect(gpuRefusal(refusal), refusal).toBeDefined();
  });
});
