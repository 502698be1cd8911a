/** What Cycles renders with. Plain data: the command line reads it before it loads a schema. */
export const RENDER_BACKENDS = ["CPU", "CUDA", "OPTIX", "HIP", "ONEAPI", "METAL"] as const;
