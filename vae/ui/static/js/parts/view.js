// What part of the chart a map shows, in numbers that mean the same in a window of any size: its middle {u, v} and the span of its shorter side.

// null where the map shows everything, as it does when it opens.
export function seen(plot) {
  const { u, v, scale } = plot.view,
    whole = plot.fitView(plot.frame),
    near = 0.5 * scale;
  if (
    Math.abs(scale / whole.scale - 1) < 1e-3 &&
    Math.abs(u - whole.u) < near &&
    Math.abs(v - whole.v) < near
  )
    return null;
  return { u, v, span: scale * Math.min(...plot.inner) };
}

// Where the next drawing looks; false where the map has no size yet.
export function aim(plot, { u, v, span }) {
  const side = Math.min(...plot.inner);
  if (side > 0) plot.view = { u, v, scale: span / side, aimed: side };
  return side > 0;
}
