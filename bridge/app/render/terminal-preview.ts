import { decodeInside } from "../../media/preview-tile.ts";

/** A small picture in half-block characters: each is two pixels, one above the other. Throws RESULT_INVALID. */
export async function terminalPicture(path: string, most: { readonly columns: number; readonly rows: number }): Promise<readonly string[]> {
  const { size, pixels } = await decodeInside(path, { width: most.columns, height: 2 * most.rows });
  const colour = (column: number, line: number) => {
    const at = (Math.min(line, size.height - 1) * size.width + column) * 4;
    return `${pixels[at]};${pixels[at + 1]};${pixels[at + 2]}`;
  };
  return Array.from({ length: Math.ceil(size.height / 2) }, (_, row) => {
    const cells = Array.from(
      { length: size.width },
      (__, column) => `\u001b[38;2;${colour(column, 2 * row)}m\u001b[48;2;${colour(column, 2 * row + 1)}m\u2580`,
    );
    return `${cells.join("")}\u001b[0m`;
  });
}
