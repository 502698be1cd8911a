import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { EnvironmentBlenderInfo } from "../../core/environments/facts.ts";
import type { Backend } from "../../core/plan/chunk.ts";
import type { GpuVendor } from "../../core/environments/recipe.ts";
import { FarmError } from "../../kernel/errors.ts";
import type { ImageEngine } from "./image-engine.ts";

const ANSWER = "P2P-RENDER-PROBE ";

const Answer = z.strictObject({
  blenderVersion: z.string().regex(/^\d{1,3}\.\d{1,3}\.\d{1,3}$/),
  buildHash: z.string().regex(/^[0-9a-f]{6,64}$/),
  blenderPath: z.string().max(256),
  hasDenoiser: z.boolean(),
  compiled: z.array(z.string().max(32)).max(32),
});

/** The backend of each vendor's devices, in an image that supports them. */
const BACKENDS: Readonly<Record<GpuVendor, readonly Backend[]>> = { nvidia: ["CUDA", "OPTIX"], amd: ["HIP"], intel: ["ONEAPI"] };

/** Runs an image's Blender once and reads its description. Throws ENVIRONMENT_BUILD_FAILED. */
export async function describeImageBlender(
  engine: ImageEngine,
  image: string,
  { probe, gpu }: { readonly probe: string; readonly gpu: GpuVendor | undefined },
  signal: AbortSignal,
): Promise<EnvironmentBlenderInfo> {
  const script = await readFile(probe, "utf8");
  const flags = ["--background", "--factory-startup", "--disable-autoexec", "--python-exit-code", "1"];
  const said = await engine.ask(image, ["blender", ...flags, "--python-expr", script], signal);
  const line = said.split("\n").find((text) => text.startsWith(ANSWER));
  const parsed = Answer.safeParse(line === undefined ? undefined : JSON.parse(line.slice(ANSWER.length)));
  if (!parsed.success) throw new FarmError("ENVIRONMENT_BUILD_FAILED", "the image's Blender cannot be identified", { cause: parsed.error });
  const { compiled, ...facts } = parsed.data;
  const wanted = gpu === undefined ? [] : BACKENDS[gpu];
  const usable = wanted.filter((backend) => compiled.includes(backend));
  if (gpu !== undefined && usable.length === 0)
    throw new FarmError("ENVIRONMENT_BUILD_FAILED", `this Blender is built without ${wanted.join(" and ")}`, {
      advice: "Use an official build: --blender 4.2.9 --sha256 …",
    });
  return { ...facts, backends: ["CPU", ...usable] };
}
