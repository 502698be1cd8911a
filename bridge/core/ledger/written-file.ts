/** A final file that is complete on the disk under its final name. */
export interface WrittenFile {
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  /** Part of the main output; false for a File Output node's. */
  readonly main: boolean;
}
