import PQueue from "p-queue";
import type { Rect } from "../../core/job/scene-facts.ts";
import type { Clock } from "../../kernel/time/clock.ts";
import { FarmError } from "../../kernel/errors.ts";
import { PreviewCanvas } from "../../media/preview.ts";
import type { PreviewStitcher } from "../../requester/ports.ts";

/** A preview of the current frame that is updated with each tile; a new frame starts a new one. */
export function jobPreview(clock: Clock, path: string): PreviewStitcher & AsyncDisposable {
  const turns = new PQueue({ concurrency: 1 }); // two canvases never write to one file
  let current: { readonly frame: number; readonly canvas: PreviewCanvas } | undefined;
  let isClosed = false;
  const closeCanvas = async () => {
    const before = current;
    current = undefined;
    await before?.canvas.close().catch(() => {}); // a failed preview must not stop the job
  };
  const canvasFor = async (frame: number, region: Rect): Promise<PreviewCanvas> => {
    if (current?.frame === frame) return current.canvas;
    await closeCanvas();
    const canvas = new PreviewCanvas({ path, region }, clock);
    current = { frame, canvas };
    return canvas;
  };
  const close = async () => {
    isClosed = true;
    await turns.onIdle();
    await closeCanvas();
  };
  return {
    add: async (tile, frame, region) => {
      await turns.add(async () => {
        if (isClosed) throw new FarmError("CANCELLED", "the job has ended");
        await (await canvasFor(frame, region)).add(tile);
      });
      return path;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
