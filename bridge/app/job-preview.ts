import { PreviewCanvas } from "../media/preview.ts";
import type { JobPreview } from "../requester/ports.ts";

/** One growing picture of the frame that is worked on; a new frame starts a new one. */
export function jobPreview(path: string): JobPreview {
  let canvas: { readonly frame: number; readonly picture: PreviewCanvas } | undefined;
  return {
    add: async (tilePath, tile, full, frame) => {
      if (canvas?.frame !== frame) canvas = { frame, picture: new PreviewCanvas({ path, width: full.width, height: full.height }) };
      return (await canvas.picture.add(tilePath, tile)) ? path : undefined;
    },
  };
}
