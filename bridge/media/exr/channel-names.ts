/** The part of a multi-part file that holds a channel. */
export interface PartNaming {
  /** The part's `name` attribute; undefined in single-part files. */
  readonly part: string | undefined;
  /** The part's `view` attribute: Blender 5 puts the view there and not into the channel's name. */
  readonly view: string | undefined;
}

/**
 * The name a channel has in Blender's single-part files: "Layer.Pass.Chan" or "Layer.Pass.view.Chan".
 *
 * Blender 5.2 repeats "Layer.Pass.Chan" in parts called "Layer.Pass-view" with a `view` attribute; other
 * writers leave only "Chan" in the channel and the rest in the part's name.
 */
export function fullChannelName(channel: string, naming: PartNaming): string {
  const { part, view } = naming;
  const named = part === undefined || part === "" || channel.includes(".") ? channel : `${withoutView(part, view)}.${channel}`;
  if (view === undefined || view === "") return named;
  const dot = named.lastIndexOf(".");
  const stem = named.slice(0, Math.max(dot, 0));
  if (dot < 0 || stem === view || stem.endsWith(`.${view}`)) return named;
  return `${stem}.${view}${named.slice(dot)}`;
}

function withoutView(part: string, view: string | undefined): string {
  if (view === undefined || view === "") return part;
  return part.endsWith(`-${view}`) || part.endsWith(`.${view}`) ? part.slice(0, -view.length - 1) : part;
}

/** Orders names as EXR does: by their bytes. */
export function compareChannelNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/**
 * Skips the compositor's output ("Composite.Combined…"), which is no render pass. A view layer
 * that a user named "Composite" is kept when it is the only layer or has passes beside Combined.
 */
export function withoutComposite(names: readonly string[]): string[] {
  const others = names.filter((name) => !name.startsWith("Composite.Combined."));
  const isLayer = others.length === 0 || others.some((name) => name.startsWith("Composite."));
  return isLayer ? [...names] : others;
}

/** Cycles' pass of seconds spent on each pixel, which differs between renders. */
export function isRenderTimePass(name: string): boolean {
  return /\.(?:Debug )?Render Time\./.test(name);
}

/** Cycles' pass of sample counts, each relative to the last sample of its own render. */
export function isSampleCountPass(name: string): boolean {
  return /\.Debug Sample Count\./.test(name);
}
