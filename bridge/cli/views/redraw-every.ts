/** Draws a live view again and again; returns how to stop. It keeps no process alive: one that runs out of work must end. */
export function redrawEvery(ms: number, draw: () => void): () => void {
  const timer = setInterval(draw, ms);
  timer.unref();
  return () => clearInterval(timer);
}
