/** The login manager's state of user sessions. */
export type LoginIdle =
  | { readonly state: "unknown" }
  | { readonly state: "in-use" }
  /** When the last of them became idle, in milliseconds since 1970. */
  | { readonly state: "idle"; readonly sinceMs: number };

/** Reads `loginctl show-session … -p Type -p Class -p IdleHint -p IdleSinceHint`: blocks of lines, one per session. */
export function loginIdle(text: string): LoginIdle {
  const sessions = text
    .split(/\n\s*\n/)
    .map(fieldsOf)
    .filter((session) => session["Class"] === "user" && session["IdleHint"] !== undefined)
    // A session without terminal or display (cron, a service) has no user.
    .filter(({ Type }) => Type !== "unspecified");
  if (sessions.length === 0) return { state: "unknown" };
  if (sessions.some(({ IdleHint }) => IdleHint !== "yes")) return { state: "in-use" };
  const sinceMs = Math.max(...sessions.map(({ IdleSinceHint }) => Number(IdleSinceHint ?? 0) / 1_000));
  return Number.isFinite(sinceMs) ? { state: "idle", sinceMs } : { state: "unknown" };
}

function fieldsOf(block: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    block.split("\n").flatMap((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [] : [[line.slice(0, at).trim(), line.slice(at + 1).trim()]];
    }),
  );
}

/** Reads "(uint64 12345,)". */
export function parseGdbusNumber(text: string): number | undefined {
  const match = /^\(u?int(?:32|64) (\d+),\)/.exec(text.trim());
  return match === null ? undefined : Number(match[1]);
}

/** Reads `ioreg -c IOHIDSystem`: nanoseconds, as milliseconds. */
export function parseIoreg(text: string): number | undefined {
  const match = /"HIDIdleTime" = (\d+)/.exec(text);
  return match === null ? undefined : Number(match[1]) / 1e6;
}

/** Reads /proc/bus/input/devices: the event files of keyboards and pointing devices. */
export function inputDevices(text: string): string[] {
  return text.split(/\n\s*\n/).flatMap((block) => {
    const handlers = wordsAfter("H: Handlers=", block);
    const event = handlers.find((handler) => /^event\d+$/.test(handler));
    const isPointer = handlers.some((handler) => /^(mouse|js)/.test(handler));
    // Power buttons and lids are listed as keyboards, too; a real one has more keys than fit two words.
    const isKeyboard = handlers.includes("kbd") && wordsAfter("B: KEY=", block).length > 2;
    return event !== undefined && (isPointer || isKeyboard) ? [event] : [];
  });
}

function wordsAfter(label: string, block: string): string[] {
  const line = block.split("\n").find((candidate) => candidate.startsWith(label));
  return line === undefined ? [] : line.slice(label.length).trim().split(/\s+/);
}

/** Lines of /proc/interrupts for input devices only; USB controllers serve disks as well. */
const INPUT_LINE = /\b(i8042|keyboard|touchpad|ELAN\w*|SYNA\w*|ALPS\w*|WCOM\w*|i2c[_-]hid\w*)\b/i;

/** Reads /proc/interrupts: the number of interrupts of input devices since boot; undefined when none has its own line. */
export function inputCounts(text: string): number | undefined {
  let sum: number | undefined;
  for (const line of text.split("\n")) {
    if (!INPUT_LINE.test(line)) continue;
    const [, ...cells] = line.trim().split(/\s+/);
    for (const cell of cells) {
      if (!/^\d+$/.test(cell)) break;
      sum = (sum ?? 0) + Number(cell);
    }
  }
  return sum;
}
