import type { ExpectedOutput, OutputKind, SceneFacts } from "../job/scene-facts.ts";

export interface ExpectedFile {
  readonly kind: OutputKind;
  /** Absolute, as the finishing Blender will name it. */
  readonly path: string;
}

/**
 * The files that Blender writes for a frame. A movie's file is the same for every frame; what cannot be told before
 * is not among them, and nothing is where inspection did not say.
 */
export function expectedFiles(output: Pick<SceneFacts["output"], "files">, frame: number): readonly ExpectedFile[] {
  return (output.files ?? []).flatMap((file) => pathsOf(file, frame).map((path) => ({ kind: file.kind, path })));
}

function pathsOf(output: ExpectedOutput, frame: number): readonly string[] {
  if ("paths" in output) return output.paths.filter(([at]) => at === frame).map(([, path]) => path);
  return [`${output.before}${output.digits === 0 ? "" : frameNumber(frame, output.digits)}${output.after}`];
}

/** As Blender writes it: sign first, then zeros up to so many digits. */
function frameNumber(frame: number, digits: number): string {
  return `${frame < 0 ? "-" : ""}${String(Math.abs(frame)).padStart(digits, "0")}`;
}

/** Those of them that a frame cannot do without: File Output nodes write what Blender makes of them at the time. */
export function mainFiles(output: Pick<SceneFacts["output"], "files">, frame: number): readonly string[] {
  return expectedFiles(output, frame).flatMap(({ kind, path }) => (kind === "node" ? [] : [path]));
}
