/** The result of one check. `needed`: rendering does not work without it. */
export interface DoctorFinding {
  readonly what: string;
  readonly ok: boolean;
  readonly needed: boolean;
  readonly detail: string;
  /** How to fix it. */
  readonly fix: string | undefined;
}
