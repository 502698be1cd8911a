/** Redraws a live view at intervals; returns a stop function. Its timer does not keep the process alive. */
export function redrawEvery(ms: number, draw: () => void): () => void {
  const timer = setInterval(draw, ms);
  timer.unref();
  return () => clearInterval(timer);
}
