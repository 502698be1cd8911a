import type { Rect } from "../core/job/scene-facts.ts";
import { ExrFile } from "./exr/exr-file.ts";
import { exrInvalid } from "./exr/exr-invalid.ts";
import type { PixelArea } from "./exr/read-rectangle.ts";
import { contains, topRow } from "./rect-rows.ts";

/** A float picture and the rectangle it shows, in full-frame coordinates, y up. */
export interface PlacedPicture {
  readonly path: string;
  readonly rect: Rect;
}

/** Opens a picture that must have the size of its rectangle. */
export function openPlaced(picture: PlacedPicture): ExrFile {
  const file = ExrFile.open(picture.path);
  const { width, height } = picture.rect;
  if (file.width === width && file.height === height) return file;
  file[Symbol.dispose]();
  throw exrInvalid(`it is ${file.width}x${file.height} pixels, ${width}x${height} were requested`);
}

/** A full-frame rectangle in a picture's own rows. */
export function toPictureArea(picture: PlacedPicture, rect: Rect): PixelArea {
  if (!contains(picture.rect, rect)) throw new RangeError("the compared rectangle is outside of a picture");
  return { left: rect.x - picture.rect.x, top: topRow(picture.rect, rect), width: rect.width, height: rect.height };
}
