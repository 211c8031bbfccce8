// Outlines drawn on a chart, as plain numbers: a box is two corners, a lasso a closed line of places. No DOM, no store.

const side = ([au, av], [bu, bv], u, v) => (bu - au) * (v - av) - (u - au) * (bv - av);

// How often a closed line runs round a place (Sunday 2001): what is not zero lies inside, as browsers fill it.
function winding(line, u, v) {
  let turns = 0;
  for (let k = 0, from = line[line.length - 1]; k < line.length; from = line[k], k += 1) {
    const to = line[k];
    if (from[1] <= v) {
      if (to[1] > v && side(from, to, u, v) > 0) turns += 1;
    } else if (to[1] <= v && side(from, to, u, v) < 0) turns -= 1;
  }
  return turns;
}

// The four edges [u0, u1, v0, v1] around places.
export function edges(places) {
  const [us, vs] = [places.map(([u]) => u), places.map(([, v]) => v)];
  return [Math.min(...us), Math.max(...us), Math.min(...vs), Math.max(...vs)];
}

// Which of the places [u0, v0, u1, v1, ...] an outline holds, in their order.
export function inside({ tool, outline }, uv) {
  const [u0, u1, v0, v1] = edges(outline),
    found = [];
  for (let i = 0; i < uv.length / 2; i += 1) {
    const u = uv[2 * i],
      v = uv[2 * i + 1];
    if (u >= u0 && u <= u1 && v >= v0 && v <= v1 && (tool === "box" || winding(outline, u, v) !== 0))
      found.push(i);
  }
  return Int32Array.from(found);
}

function away([x, y], [ax, ay], [bx, by]) {
  const dx = bx - ax,
    dy = by - ay,
    long = dx * dx + dy * dy,
    t = long ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / long)) : 0;
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

// The fewest of a line's places that stay within `tolerance` of all of them (Douglas and Peucker 1973); as coarse as `most` places ask for.
export function simplify(line, tolerance, most) {
  const kept = new Set([0, line.length - 1]),
    open = [[0, line.length - 1]];
  while (open.length) {
    const [from, to] = open.pop();
    let worst = tolerance,
      at = -1;
    for (let k = from + 1; k < to; k += 1) {
      const d = away(line[k], line[from], line[to]);
      if (d > worst) [worst, at] = [d, k];
    }
    if (at < 0) continue;
    kept.add(at);
    open.push([from, at], [at, to]);
  }
  return kept.size > most ? simplify(line, tolerance * 1.5, most) : line.filter((_, k) => kept.has(k));
}

// Places in as few digits as a pixel of `scale` units needs: what is drawn is then exactly what a link can say.
export function rounded(places, scale) {
  const digits = Math.max(0, Math.min(12, Math.ceil(-Math.log10(scale / 2))));
  return places.map((place) => place.map((value) => Number(value.toFixed(digits))));
}

// A selection as a link's text: each outline with the map that it was drawn on, for its numbers mean nothing on another.
export const pickText = ({ strokes }) =>
  strokes
    .map(({ tool, outline, cut, of }) =>
      [[cut ? `-${tool}` : tool, ...outline.flat()].join(","), ...(of ? [of.model, of.chart] : [])].join("*"),
    )
    .join("!");

function readStroke(text, most, farthest) {
  const [shape, model, chart] = text.split("*"),
    [kind, ...numbers] = shape.split(","),
    cut = kind.startsWith("-"),
    tool = cut ? kind.slice(1) : kind;
  const values = numbers.map((one) => (/^-?\d+(\.\d+)?(e[-+]?\d+)?$/.test(one) ? Number(one) : NaN)),
    outline = Array.from({ length: values.length / 2 }, (_, k) => [values[2 * k], values[2 * k + 1]]);
  const counted =
    tool === "box" ? outline.length === 2 : tool === "lasso" && outline.length >= 3 && outline.length <= most;
  if (
    !counted ||
    values.length % 2 ||
    values.some((value) => !(Math.abs(value) <= farthest)) ||
    Boolean(model) !== Boolean(chart)
  )
    return null;
  const [u0, u1, v0, v1] = edges(outline);
  return u1 > u0 && v1 > v0 ? { tool, outline, cut, ...(model && { of: { model, chart } }) } : null;
}

// The selection that a link's text means, its codes still to be found; null where it means none.
export function readPick(text, { vertices, strokes: most, farthest }) {
  const strokes = text.split("!").map((one) => readStroke(one, vertices, farthest));
  return strokes.length <= most && strokes.every(Boolean) ? { strokes, indices: null } : null;
}
