import { mkdir } from "node:fs/promises";
import { execa } from "execa";

/** The Blender that tests compare with: BLENDER_PATH, else the machine's. */
export const BLENDER = process.env["BLENDER_PATH"] ?? "blender";

/** Renders as a user without a swarm would: plain `blender -b`, flags in Blender's order. */
export async function renderReference(scene: string, flags: readonly string[], outputFolder: string): Promise<void> {
  await mkdir(outputFolder, { recursive: true });
  const { exitCode, stderr, stdout } = await execa(BLENDER, ["-b", "--factory-startup", scene, ...flags], {
    reject: false,
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  if (exitCode !== 0) throw new Error(`blender ended with ${exitCode}: ${stderr.slice(-500)} ${stdout.slice(-500)}`);
}
