import { localSlotsContract } from "../contract/local-slots-contract.ts";
import { FakeSlots } from "./fake-slots.ts";
import { TextDisk } from "./text-disk.ts";

localSlotsContract("slots without a Blender", async () => {
  const disk = new TextDisk({ "/s.blend": "a scene" });
  return {
    open: (slots) => {
      const fake = new FakeSlots(disk, { slots, folder: "/scratch" });
      return { slots: fake, opened: fake.opened };
    },
    scene: { key: "scene", path: "/s.blend", remap: {} },
    broken: { key: "broken", path: "/nowhere.blend", remap: {} },
    read: (path) => disk.readFile(path),
    [Symbol.asyncDispose]: async () => {},
  };
});
