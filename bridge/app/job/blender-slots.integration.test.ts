import { mkdir, readFile } from "node:fs/promises";
import { TEST_BUILD } from "../../blender/fixtures/session-kit.ts";
import { testScenes } from "../../blender/fixtures/inspect-kit.ts";
import { systemDisk } from "../../kernel/disk.ts";
import { removeFolder } from "../../kernel/files/remove-folder.ts";
import { startPlainProcess } from "../../sandbox/process/process-sandbox.ts";
import { localSlotsContract } from "../../test/contract/local-slots-contract.ts";
import { renderSlots } from "./blender-slots.ts";
import type { Scratch } from "./scratch.ts";

localSlotsContract("slots with a real Blender", async () => {
  const scenes = await testScenes();
  await scenes.python(`save("s.blend")`);
  const broken = await scenes.file("broken.blend", "this is no scene");
  const folder = async (purpose: string) => {
    await mkdir(scenes.path(purpose), { recursive: true });
    return scenes.path(purpose);
  };
  const scratch: Pick<Scratch, "folder" | "remove"> = { folder, remove: (place) => removeFolder(systemDisk, place) };
  const blender = {
    build: TEST_BUILD,
    deviceClass: { blenderVersion: TEST_BUILD.version, buildHash: "", backend: "CPU", arch: "" },
  } as const;
  let kinds = 0;
  return {
    open: (slots) => {
      let opened = 0;
      const startFor = (): typeof startPlainProcess => {
        opened++;
        return startPlainProcess;
      };
      const options = { slots, purpose: `slots-${kinds++}`, startFor, untrusted: false, threads: () => 1, local: true };
      return { slots: renderSlots(scratch, blender, options), opened: () => opened };
    },
    scene: { key: "scene", path: scenes.path("s.blend"), remap: {} },
    broken: { key: "broken", path: broken, remap: {} },
    read: (path) => readFile(path),
    [Symbol.asyncDispose]: () => scenes[Symbol.asyncDispose](),
  };
});
