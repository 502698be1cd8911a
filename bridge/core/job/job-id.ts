/** Crockford's base 32: no letter that looks like a digit, no accidental words. */
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * A job's id, also the name of its folders: `261122-214654-k3f9`, date and time in UTC and four random digits.
 * Sorts by time. `nowMs` is wall time; `random` holds at least 4 random bytes.
 */
export function newJobId(nowMs: number, random: Uint8Array): string {
  if (random.length < 4) throw new RangeError("a job id needs 4 random bytes");
  const [date = "", time = ""] = new Date(nowMs).toISOString().slice(2, 19).replaceAll(/[-:]/g, "").split("T");
  const tail = [...random.subarray(0, 4)].map((byte) => DIGITS[byte % DIGITS.length]).join("");
  return `${date}-${time}-${tail}`;
}
