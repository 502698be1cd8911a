/** One thing that the doctor looked at. `needed`: rendering does not work without it. */
export interface DoctorFinding {
  readonly what: string;
  readonly ok: boolean;
  readonly needed: boolean;
  readonly detail: string;
  /** What mends it. */
  readonly fix: string | undefined;
}
