import { jobFinisherContract } from "./contract/job-finisher-contract.ts";
import { FakeFinisher } from "./fake-finisher.ts";
import { MemoryDisk } from "./memory-disk.ts";

jobFinisherContract("a finisher without a Blender", async () => {
  const disk = new MemoryDisk();
  const assembledPath = ({ scene, frame }: { scene: string; frame: number }) => `/assembled/${scene}-${frame}`;
  for (const frame of [1, 2]) disk.contents.set(assembledPath({ scene: "Scene", frame }), `the picture ${frame}`);
  const sceneFramesOf = (frame: number) => [{ scene: "Scene", frame }];
  return {
    finisher: new FakeFinisher({ disk, assembledPath }, { sceneFramesOf, outputFolder: "/out" }),
    sizeOf: async (path) =>
      await disk.stat(path).then(
        ({ size }) => size,
        () => undefined,
      ),
    [Symbol.asyncDispose]: async () => {},
  };
});
