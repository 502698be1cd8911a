/** A render pass and the ids of its channels, one letter each. */
export interface PassNames {
  readonly pass: string;
  readonly ids: string;
}

/** A view of a view layer; without a name where there is no multi-view. */
export interface LayerView {
  readonly layer: string;
  readonly view: string;
}

/** Names of a pass's channels in Blender's single-part EXR files: "Layer.Pass.R", "Layer.Pass.left.R". */
export function channelsOf({ layer, view }: LayerView, { pass, ids }: PassNames): readonly string[] {
  return [...ids].map((id) => `${layer}.${pass}.${view === "" ? "" : `${view}.`}${id}`);
}
