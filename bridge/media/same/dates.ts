const DATES = /\d{4}[/:-]\d\d[/:-]\d\d \d\d:\d\d:\d\d|\d\d:\d\d\.\d\d/g;

/** A file of an unknown format without the dates and render times that Blender may have written into it. */
export function withoutDates(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString("latin1").replaceAll(DATES, ""), "latin1");
}
