import type { ExpectedOutput, OutputKind, SceneFacts } from "../job/scene-facts.ts";

export interface ExpectedFile {
  readonly kind: OutputKind;
  /** Absolute, as the finishing Blender will name it. */
  readonly path: string;
}

/**
 * The files that Blender writes for a frame. A movie's file is the same for every frame; files that cannot be predicted
 * are not listed, and none are when inspection lists none.
 */
export function expectedFiles(output: Pick<SceneFacts["output"], "files">, frame: number): readonly ExpectedFile[] {
  return (output.files ?? []).flatMap((file) => pathsOf(file, frame).map((path) => ({ kind: file.kind, path })));
}

function pathsOf(output: ExpectedOutput, frame: number): readonly string[] {
  if ("paths" in output) return output.paths.filter(([at]) => at === frame).map(([, path]) => path);
  return [`${output.before}${output.digits === 0 ? "" : frameNumber(frame, output.digits)}${output.after}`];
}

/** As Blender writes it: sign first, then zeros up to the number of digits. */
function frameNumber(frame: number, digits: number): string {
  return `${frame < 0 ? "-" : ""}${String(Math.abs(frame)).padStart(digits, "0")}`;
}

/** Those of them that a frame must have; files of File Output nodes may depend on the frame. */
export function mainFiles(output: Pick<SceneFacts["output"], "files">, frame: number): readonly string[] {
  return expectedFiles(output, frame).flatMap(({ kind, path }) => (kind === "node" ? [] : [path]));
}
