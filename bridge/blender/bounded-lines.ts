/**
 * Calls back for every line of a text stream. A longer line is truncated to `maxChars`, so that
 * the writer can neither fill our memory nor hide the next line.
 */
export function readLines(stream: NodeJS.ReadableStream, maxChars: number, heard: (line: string, whole: boolean) => void): void {
  let line = "";
  let whole = true;
  const take = (piece: string) => {
    whole &&= line.length + piece.length <= maxChars;
    line += piece.slice(0, maxChars - line.length);
  };
  const finish = () => {
    heard(line.endsWith("\r") ? line.slice(0, -1) : line, whole);
    line = "";
    whole = true;
  };
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const pieces = text.split("\n");
    for (const [index, piece] of pieces.entries()) {
      take(piece);
      if (index < pieces.length - 1) finish();
    }
  });
  stream.on("end", () => {
    if (line !== "") finish();
  });
  stream.on("error", () => {}); // the process's exit has the reason
}
