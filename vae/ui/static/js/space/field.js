// What can lie behind the codes: pictures of a part of a chart, computed cell by cell. No DOM: a worker runs this.
import { makeChart } from "./chart.js";
import { supportAt } from "./neighbours.js";

const KEPT = 4000; // decoded tiles held, so that a pan decodes only what comes into view

// What is painted over a drawn map {basis, origin, uv}, and the tiles that were.
export const openField = (frame, model) => ({
  chart: makeChart(frame, model),
  uv: frame.uv,
  tiles: new Map(),
  tileKey: "",
});

// The middle of cell k of a grid {columns, rows, u0, v1, du, dv}; row 0 is the top.
const middle = (grid, k) => [
  grid.u0 + ((k % grid.columns) + 0.5) * grid.du,
  grid.v1 - (Math.floor(k / grid.columns) + 0.5) * grid.dv,
];

// All gaps where they are counted, a thousand of them until then.
const gapsOf = (model) =>
  model.gaps ?? (model.rough ??= model.codes.gaps(Math.max(1, Math.floor(model.codes.count / 1000))));
export const supportOf = (model, z) => supportAt(gapsOf(model), model.codes.nearest(z, 1).distances[0]);

// How strongly a tile shows: less where no code is near, and below a hundredth not at all.
const alphaOf = (support, { strength, full }) => strength * Math.min(1, support / full);
const FAINTEST = 0.01;

// One tile: its support, and its image as bytes where any of it will show. Cells lie on a lattice, so the same cell comes back after a pan.
function tile(model, field, grid, k, look, label) {
  const key = `${grid.du} ${grid.dv} ${label}`;
  if (field.tileKey !== key || field.tiles.size > KEPT) ((field.tiles = new Map()), (field.tileKey = key));
  const column = Math.round(grid.u0 / grid.du) + (k % grid.columns),
    row = Math.round(grid.v1 / grid.dv) - Math.floor(k / grid.columns),
    name = `${column} ${row}`;
  let made = field.tiles.get(name);
  if (!made) {
    made = { z: field.chart.toLatent(middle(grid, k)), bytes: null };
    field.tiles.set(name, made);
  }
  if (made.gaps !== (model.gaps ?? null))
    Object.assign(made, { gaps: model.gaps ?? null, support: supportOf(model, made.z) });
  if (!made.bytes && alphaOf(made.support, look) >= FAINTEST)
    made.bytes = Uint8ClampedArray.from(model.net.decode(made.z, undefined, label), (p) => p * 255);
  return made;
}

// Tiles {bytes, support} as one picture: ink where there is ink, clear where there is paper, fainter where no code is near.
function bake(tiles, [channels, high, wide], grid, look) {
  const width = grid.columns * wide,
    sheet = new Uint8ClampedArray(width * grid.rows * high * 4),
    size = high * wide;
  tiles.forEach(({ bytes, support }, k) => {
    const alpha = alphaOf(support, look),
      left = (k % grid.columns) * wide,
      top = Math.floor(k / grid.columns) * high;
    if (alpha < FAINTEST) return;
    for (let i = 0; i < size; i += 1) {
      const at = ((top + Math.floor(i / wide)) * width + left + (i % wide)) * 4;
      for (let c = 0; c < 3; c += 1) sheet[at + c] = channels === 3 ? bytes[i + c * size] : look.ink[c];
      sheet[at + 3] = channels === 3 ? 255 * alpha : bytes[i] * alpha;
    }
  });
  return { sheet, width, height: grid.rows * high };
}

// How many codes lie around each cell: a count over the chart, smoothed over two cells, as shares of the fullest; `high` is how many the fullest has to a unit of area.
function density({ uv }, { columns, rows, u0, v1, du, dv }) {
  const counts = new Float32Array(columns * rows),
    reach = 3,
    weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / 4.5));
  for (let i = 0; i < uv.length; i += 2) {
    const column = Math.floor((uv[i] - u0) / du),
      row = Math.floor((v1 - uv[i + 1]) / dv);
    if (column >= 0 && row >= 0 && column < columns && row < rows) counts[row * columns + column] += 1;
  }
  const smooth = (from, step, length, other, far) => {
    const out = new Float32Array(from.length);
    for (let o = 0; o < other; o += 1)
      for (let i = 0; i < length; i += 1)
        for (let d = -reach; d <= reach; d += 1) {
          if (i + d >= 0 && i + d < length)
            out[o * far + i * step] += from[o * far + (i + d) * step] * weights[d + reach];
        }
    return out;
  };
  const out = smooth(smooth(counts, 1, columns, rows, columns), columns, rows, columns, 1);
  const most = out.reduce((a, b) => Math.max(a, b), 0) || 1,
    weight = weights.reduce((a, b) => a + b, 0);
  return {
    values: out.map((value) => Math.sqrt(value / most)),
    low: 0,
    high: most / (weight * weight * du * dv),
  }; // the root, so that thin places show beside the fullest
}

// Each kind gives one value in [0, 1] a cell and, for classes, which one.
const VALUES = {
  density: (model, field, grid) => density(field, grid),
  support: (model, { chart }, grid) => ({
    values: Float32Array.from({ length: grid.columns * grid.rows }, (_, k) =>
      supportOf(model, chart.toLatent(middle(grid, k))),
    ),
  }),
  class: (model, { chart }, grid, look) => {
    const surest = Math.log((model.kinds ??= Math.max(2, new Set(model.codes.labels).size)));
    const count = grid.columns * grid.rows,
      values = new Float32Array(count),
      labels = new Uint8Array(count);
    for (let k = 0; k < count; k += 1) {
      const { label_votes: votes, distance } = model.codes.ask(chart.toLatent(middle(grid, k))),
        [best, share] = Object.entries(votes).reduce((a, b) => (b[1] > a[1] ? b : a));
      const entropy = Object.values(votes).reduce((sum, p) => sum - p * Math.log(p), 0);
      labels[k] = Number(best);
      values[k] =
        share > 0
          ? (1 - entropy / surest) *
            (0.35 + 0.65 * Math.min(1, supportAt(gapsOf(model), distance) / look.full))
          : 0;
    }
    return { values, labels };
  },
  stretch: (model, { chart }, grid, look, label) => {
    const raw = Float32Array.from({ length: grid.columns * grid.rows }, (_, k) =>
      model.net.stretch(chart.toLatent(middle(grid, k)), chart.basis, label),
    );
    const sorted = raw.slice().sort(),
      low = sorted[Math.floor(sorted.length * 0.05)],
      high = sorted[Math.floor(sorted.length * 0.98)];
    return {
      values: raw.map((value) => Math.min(1, Math.max(0, (value - low) / (high - low || 1)))),
      low,
      high,
      raw,
    };
  },
};

// A field as a picture of one pixel a cell.
function colour({ values, labels }, { columns, rows }, { colours, accent, strong }) {
  const sheet = new Uint8ClampedArray(columns * rows * 4);
  values.forEach((value, k) =>
    sheet.set([...(labels ? colours[labels[k] % colours.length] : accent), 255 * strong * value], k * 4),
  );
  return { sheet, width: columns, height: rows };
}

// question: {what, grid, look: {ink, strength, full, colours, accent, strong}, label: the class that a conditional model draws}
export function paint(model, field, { what, grid, look, label }) {
  const start = performance.now(),
    count = grid.columns * grid.rows;
  if (what === "manifold") {
    const held = field.tiles.size,
      tiles = Array.from({ length: count }, (_, k) => tile(model, field, grid, k, look, label));
    const fresh = field.tiles.size >= held ? field.tiles.size - held : count;
    return { ...bake(tiles, model.shape, grid, look), ms: performance.now() - start, count, fresh };
  }
  const values = VALUES[what](model, field, grid, look, label),
    { sheet, width, height } = colour(values, grid, look);
  return { sheet, width, height, low: values.low, high: values.high, ms: performance.now() - start, count };
}
