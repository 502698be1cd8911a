import type { BlenderFlags } from "./types.ts";

/** Blender's own flags as it reads them from its command line, in the order in which they must stand: the scene first. */
export function flagArguments(flags: BlenderFlags): string[] {
  return [
    ...(flags.scene === undefined ? [] : ["-S", flags.scene]),
    ...(flags.output === undefined ? [] : ["-o", flags.output]),
    ...(flags.format === undefined ? [] : ["-F", flags.format]),
    ...(flags.useExtension === undefined ? [] : ["-x", flags.useExtension ? "1" : "0"]),
    ...(flags.frameStart === undefined ? [] : ["-s", String(flags.frameStart)]),
    ...(flags.frameEnd === undefined ? [] : ["-e", String(flags.frameEnd)]),
    ...(flags.frameStep === undefined ? [] : ["-j", String(flags.frameStep)]),
  ];
}
