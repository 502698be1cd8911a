/** What of a file is its picture, in the file's order; what a damaged file has no place for is left as it stands. */
export type Pieces = readonly Buffer[];

export function samePieces(ours: Pieces, theirs: Pieces): boolean {
  return ours.length === theirs.length && ours.every((piece, at) => piece.equals(theirs[at] as Buffer));
}
