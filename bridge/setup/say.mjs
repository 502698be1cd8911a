// Runs on Node 18: no newer syntax here.
const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const MARKS = { have: ["✓", 32], doing: ["+", 36], lacking: ["!", 33], failed: ["x", 31] };

/** One line: a mark, the subject, the state. */
export function say(mark, what, text) {
  const [sign, code] = MARKS[mark];
  process.stdout.write(`  ${colour ? `\u001b[${code}m${sign}\u001b[0m` : sign} ${what.padEnd(14)} ${text}\n`);
}

/** A line of its own, without a mark. */
export function sayPlain(text) {
  process.stdout.write(`${text}\n`);
}
