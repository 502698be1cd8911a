import { InvalidArgumentError } from "commander";

/** Collects an option that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** Reads a whole number between two limits. */
export function integerBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
    return value;
  };
}

/** How many threads, slots or the like. */
export const parseCount = integerBetween(1, 4096);

/** A text that is neither empty nor long. */
export function textUpTo(maxChars: number): (text: string) => string {
  return (text) => {
    if (text.trim() === "") throw new InvalidArgumentError("It is empty: is a shell variable not set?");
    if (text.length > maxChars) throw new InvalidArgumentError(`It may have at most ${maxChars} characters.`);
    return text;
  };
}

/** An empty path would be the current folder. */
export const parsePath = textUpTo(4096);

/** As Blender reads it: 1/true or 0/false. */
export function parseFlag(text: string): boolean {
  if (["1", "true"].includes(text.toLowerCase())) return true;
  if (["0", "false"].includes(text.toLowerCase())) return false;
  throw new InvalidArgumentError("Write 0 or 1.");
}
