/** Whether viewers turn both pictures alike: the one thing in Exif metadata that is seen. */
export async function sameOrientation(ours: string, theirs: string): Promise<boolean> {
  return (await orientationOf(ours)) === (await orientationOf(theirs));
}

/** 1 is upright; a picture that cannot be read is not turned by anybody. */
async function orientationOf(path: string): Promise<number> {
  const { default: sharp } = await import("sharp"); // only where it is needed: most workers never do
  const { orientation = 1 } = await sharp(path)
    .metadata()
    .catch(() => ({ orientation: 1 }));
  return orientation;
}
