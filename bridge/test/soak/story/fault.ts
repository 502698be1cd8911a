/** The kinds of faults that a soak finds. */
export const FAULT_KINDS = ["lost", "banned", "hung", "left over"] as const;

export interface Fault {
  /** "Lost": the job does not end with the files that plain Blender makes. */
  readonly kind: (typeof FAULT_KINDS)[number];
  readonly what: string;
}

export const lost = (what: string): Fault => ({ kind: "lost", what });
export const banned = (what: string): Fault => ({ kind: "banned", what });
export const hung = (what: string): Fault => ({ kind: "hung", what });
export const leftOver = (what: string): Fault => ({ kind: "left over", what });
