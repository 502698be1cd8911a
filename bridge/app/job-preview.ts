import type { Rect } from "../core/scene-facts.ts";
import { PreviewCanvas } from "../media/preview.ts";
import type { JobPreview } from "../requester/ports.ts";

/** One growing picture of the frame that is worked on; a new frame starts a new one. */
export function jobPreview(path: string): JobPreview & AsyncDisposable {
  let current: { readonly frame: number; readonly canvas: PreviewCanvas } | undefined;
  const close = async () => {
    const before = current;
    current = undefined;
    await before?.canvas.close().catch(() => {}); // a picture that could not be shown stops no job
  };
  const canvasFor = async (frame: number, region: Rect): Promise<PreviewCanvas> => {
    if (current?.frame === frame) return current.canvas;
    await close();
    const canvas = new PreviewCanvas({ path, region });
    current = { frame, canvas };
    return canvas;
  };
  return {
    add: async (tile, frame, region) => {
      const canvas = await canvasFor(frame, region);
      await canvas.add(tile);
      return path;
    },
    [Symbol.asyncDispose]: close,
  };
}
