import { describe, expect, it } from "vitest";
import { denoiseLayer, denoiseRecipe } from "../fixtures/denoise-recipe.ts";
import { finalChannels } from "./final-channels.ts";

const combined = ["R", "G", "B", "A"].map((id) => `ViewLayer.Combined.${id}`);
const helpers = [
  ...["X", "Y", "Z"].map((id) => `ViewLayer.Denoising Normal.${id}`),
  ...["R", "G", "B"].map((id) => `ViewLayer.Denoising Albedo.${id}`),
  "ViewLayer.Denoising Depth.Z",
  "ViewLayer.Debug Sample Count.X",
];
const noisyImage = ["R", "G", "B", "A"].map((id) => `ViewLayer.Noisy Image.${id}`);

describe("channels of a denoised frame", () => {
  it("are those of its tiles without what only denoising needs, and the noisy picture", () => {
    expect(finalChannels([...combined, "ViewLayer.Depth.Z", ...helpers], denoiseRecipe(), [""])).toEqual([
      ...combined,
      "ViewLayer.Depth.Z",
      ...noisyImage,
    ]);
  });

  it("keep passes that the artist has asked for", () => {
    const layers = [denoiseLayer({ countPass: true, guidePasses: true })];
    expect(finalChannels([...combined, ...helpers], denoiseRecipe({ layers }), [""])).toEqual([...combined, ...helpers, ...noisyImage]);
  });

  it("of a shadow catcher lose the passes that were switched on for it, under either name of the world's", () => {
    const passes = ["Shadow Catcher", "Env", "Environment"].map((pass) => `ViewLayer.${pass}.R`);
    expect(finalChannels([...combined, ...passes], denoiseRecipe({ catcher: true }), [""])).toEqual([...combined, ...noisyImage]);
    const layers = [denoiseLayer({ catcherPass: true, environmentPass: true })];
    const kept = finalChannels([...combined, ...passes], denoiseRecipe({ catcher: true, layers }), [""]);
    expect(kept).toEqual(expect.arrayContaining([...passes, "ViewLayer.Noisy Shadow Catcher.B"]));
  });

  it("are left alone in a view layer that is not denoised", () => {
    const layers = [denoiseLayer({ denoised: false })];
    expect(finalChannels([...combined, ...helpers], denoiseRecipe({ layers }), [""])).toEqual([...combined, ...helpers]);
  });

  it("hold the name of the view in multi-view", () => {
    const found = finalChannels(["ViewLayer.Debug Sample Count.left.X"], denoiseRecipe(), ["left", "right"]);
    expect(found).toContain("ViewLayer.Noisy Image.right.A");
    expect(found).not.toContain("ViewLayer.Debug Sample Count.left.X");
  });
});
