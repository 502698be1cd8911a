import { jobFinisherContract } from "../contract/job-finisher-contract.ts";
import { FakeFinisher } from "./fake-finisher.ts";
import { TextDisk } from "./text-disk.ts";

jobFinisherContract("a finisher without a Blender", async () => {
  const assembledPath = ({ scene, frame }: { scene: string; frame: number }) => `/assembled/${scene}-${frame}`;
  const pictures = [1, 2].map((frame) => [assembledPath({ scene: "Scene", frame }), `the picture ${frame}`]);
  const disk = new TextDisk(Object.fromEntries(pictures));
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
