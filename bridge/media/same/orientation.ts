/** Whether both pictures have the same orientation: the only Exif metadata that viewers apply. */
export async function sameOrientation(ours: string, theirs: string): Promise<boolean> {
  return (await orientationOf(ours)) === (await orientationOf(theirs));
}

/** 1 is upright, also for a picture that cannot be read. */
async function orientationOf(path: string): Promise<number> {
  const { default: sharp } = await import("sharp"); // loaded on demand: most workers never need it
  const { orientation = 1 } = await sharp(path)
    .metadata()
    .catch(() => ({ orientation: 1 }));
  return orientation;
}
