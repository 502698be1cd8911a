import type { DenoiseLayer, DenoiseRecipe } from "../job/denoise-recipe.ts";
import type { PassNames } from "./pass-names.ts";
import { channelsOf } from "./pass-names.ts";

/** Passes that tiles have only so that their frame can be denoised. */
function helperPasses(layer: DenoiseLayer): readonly PassNames[] {
  if (!layer.denoised) return [];
  return [
    ...(layer.guidePasses ? [] : GUIDE_PASSES),
    ...(layer.countPass ? [] : [COUNT_PASS]),
    ...(layer.catcherPass ? [] : [CATCHER_PASS]),
    ...(layer.environmentPass ? [] : ENVIRONMENT_PASSES),
  ];
}

export const COUNT_PASS: PassNames = { pass: "Debug Sample Count", ids: "X" };
const GUIDE_PASSES: readonly PassNames[] = [
  { pass: "Denoising Normal", ids: "XYZ" },
  { pass: "Denoising Albedo", ids: "RGB" },
  { pass: "Denoising Depth", ids: "Z" },
];
const CATCHER_PASS: PassNames = { pass: "Shadow Catcher", ids: "RGB" };
/** Before Blender 5.0, and from 5.0 on. */
const ENVIRONMENT_PASSES: readonly PassNames[] = [
  { pass: "Env", ids: "RGB" },
  { pass: "Environment", ids: "RGB" },
];

/** Passes that only a denoised render has. */
function denoisedPasses(layer: DenoiseLayer): readonly PassNames[] {
  if (!layer.denoised) return [];
  return [{ pass: "Noisy Image", ids: "RGBA" }, ...(layer.catcherPass ? [{ pass: "Noisy Shadow Catcher", ids: "RGB" }] : [])];
}

/** The channels of the denoised frame, of those of its noisy tiles: as one Blender that denoises would have them. */
export function finalChannels(noisy: readonly string[], { layers }: DenoiseRecipe, views: readonly string[]): readonly string[] {
  const all = (passesOf: (layer: DenoiseLayer) => readonly PassNames[]) =>
    layers.flatMap((layer) => views.flatMap((view) => passesOf(layer).flatMap((names) => channelsOf({ layer: layer.name, view }, names))));
  const dropped = new Set(all(helperPasses));
  return [...new Set([...noisy.filter((name) => !dropped.has(name)), ...all(denoisedPasses)])];
}
