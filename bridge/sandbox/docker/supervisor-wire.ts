import type { Framing } from "./frame-reader.ts";

/** Limits on output of a sandbox; `inside/supervisor.py` is the other side and keeps its frames below them. */
export const SUPERVISOR_LIMITS = {
  maxFrameBytes: 256 * 1024,
  /** Size of control frames: the size of a file, an error, the final message. */
  maxWordBytes: 1_024,
  /** Burst and rate of a program's output: more than any render prints. */
  printBurstBytes: 64 * 1024 * 1024,
  printBytesPerSecond: 1024 * 1024,
} as const;

const code = (letter: string) => letter.charCodeAt(0);

/** Kinds of frames from the supervisor. */
export const FROM = {
  output: code("o"),
  fileStarts: code("s"),
  file: code("f"),
  fileEnds: code("e"),
  lastWord: code("z"),
} as const;

/** Kinds of frames to the supervisor. */
export const TO = { input: code("i"), inputEnds: code("x"), take: code("t"), beat: code("b") } as const;

/** Frames between the bridge and the supervisor. */
export const SUPERVISOR_FRAMING: Framing = {
  headerBytes: 5,
  read: (header) => {
    const kind = header.readUInt8(0);
    const bytes = header.readUInt32BE(1);
    const isBulk = kind === FROM.output || kind === FROM.file;
    if (bytes > (isBulk ? SUPERVISOR_LIMITS.maxFrameBytes : SUPERVISOR_LIMITS.maxWordBytes)) throw new Error("a frame is too long");
    return { kind, bytes };
  },
};

/** Of the engine's own frames: which of the standard streams. */
export const ENGINE_STREAM = { output: 1, errors: 2 } as const;

/** The engine's framing of a container's standard streams. The engine is trusted, and its frames are not buffered. */
export const ENGINE_FRAMING: Framing = {
  headerBytes: 8,
  read: (header) => ({ kind: header.readUInt8(0), bytes: header.readUInt32BE(4) }),
};

/** A frame for the supervisor. */
export function encodeSupervisorFrame(kind: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const header = Buffer.alloc(SUPERVISOR_FRAMING.headerBytes);
  header.writeUInt8(kind, 0);
  header.writeUInt32BE(payload.length, 1);
  return Buffer.concat([header, payload]);
}
