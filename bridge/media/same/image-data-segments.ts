/** The parts of a file that are its picture, in file order; parts of a damaged file are kept as they are. */
export type ImageDataSegments = readonly Buffer[];

export function samePieces(ours: ImageDataSegments, theirs: ImageDataSegments): boolean {
  return ours.length === theirs.length && ours.every((piece, at) => piece.equals(theirs[at] as Buffer));
}
