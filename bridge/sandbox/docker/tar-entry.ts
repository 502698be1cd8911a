/** The block size of a tar. */
export const TAR_BLOCK = 512;
const MAX_OCTAL = 0o77777777777;

type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** One regular file of a tar, as it is streamed: names of up to 100 bytes, owned by root. The content must have exactly the given size. */
export async function* tarEntry(name: string, bytes: number, content: Bytes): AsyncGenerator<Uint8Array, void, undefined> {
  yield tarHeader(name, bytes);
  let written = 0;
  for await (const piece of content) {
    written += piece.length;
    if (written > bytes) break;
    yield piece;
  }
  if (written !== bytes) throw new Error(`${name} does not have the announced size`);
  yield Buffer.alloc((TAR_BLOCK - (bytes % TAR_BLOCK)) % TAR_BLOCK);
}

function tarHeader(name: string, bytes: number): Uint8Array {
  const header = Buffer.alloc(TAR_BLOCK);
  if (header.write(name) > 100) throw new Error(`${name} is too long for a tar`);
  header.write(["0000644", "0000000", "0000000", ""].join("\u0000"), 100, "latin1");
  header.write("00000000000\u0000", 136, "latin1"); // 1970: equal images are equal archives
  if (bytes <= MAX_OCTAL) header.write(`${bytes.toString(8).padStart(11, "0")}\u0000`, 124, "latin1");
  else {
    header[124] = 0x80; // GNU's encoding of larger numbers
    header.writeBigUInt64BE(BigInt(bytes), 128);
  }
  header.write("0", 156, "latin1");
  header.write("ustar\u000000", 257, "latin1");
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\u0000 `, 148, "latin1");
  return header;
}
