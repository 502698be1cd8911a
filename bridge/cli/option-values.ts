import { InvalidArgumentError } from "commander";

/** Collects an option that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

export function parseInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError("Write a whole number.");
  return value;
}

export function parseCount(text: string): number {
  const value = parseInteger(text);
  if (value < 1 || value > 4096) throw new InvalidArgumentError("Write a whole number from 1 to 4096.");
  return value;
}

/** As Blender reads it: 1/true or 0/false. */
export function parseFlag(text: string): boolean {
  if (["1", "true"].includes(text.toLowerCase())) return true;
  if (["0", "false"].includes(text.toLowerCase())) return false;
  throw new InvalidArgumentError("Write 0 or 1.");
}
