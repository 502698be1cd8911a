import { BLENDER_FLAGS } from "../core/job/job-options.ts";
import { type BlenderFlags } from "../core/job/option-schemas.ts";

/** Blender's own flags as it reads them from its command line, in the order in which they must stand. */
export function flagArguments(flags: BlenderFlags): string[] {
  return Object.entries(BLENDER_FLAGS).flatMap(([name, { argument }]) => {
    const value = flags[name as keyof BlenderFlags];
    return value === undefined ? [] : [argument, textOf(value)];
  });
}

function textOf(value: string | number | boolean): string {
  return typeof value === "boolean" ? (value ? "1" : "0") : String(value);
}
