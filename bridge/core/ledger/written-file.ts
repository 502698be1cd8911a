/** A final file that lies on the disk whole, with its last name. */
export interface WrittenFile {
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  /** Part of the main output; false for a File Output node's. */
  readonly main: boolean;
}
