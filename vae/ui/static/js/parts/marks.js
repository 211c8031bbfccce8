// What is written over the points: class names at their densest place, the cursor, the selected code and the spread of its posterior.
import { fill, s } from "./dom.js";
import { CORNERS } from "../space/chart.js";

const CELLS = 44;

// The densest place of each class: the fullest cell of a smoothed histogram, kept clear of the names already placed.
export function densest(frame, names, box) {
  const [u0, u1, v0, v1] = box,
    taken = [],
    places = new Map();
  const cell = (value, low, high) =>
    Math.max(0, Math.min(CELLS - 1, Math.floor(((value - low) / (high - low || 1)) * CELLS)));
  const grids = new Map();
  frame.labels.forEach((label, i) => {
    if (!grids.has(label)) grids.set(label, new Float32Array(CELLS * CELLS));
    const grid = grids.get(label),
      column = cell(frame.uv[2 * i], u0, u1),
      row = cell(frame.uv[2 * i + 1], v0, v1);
    for (let dr = -2; dr <= 2; dr += 1)
      for (let dc = -2; dc <= 2; dc += 1) {
        const r = row + dr,
          c = column + dc;
        if (r >= 0 && c >= 0 && r < CELLS && c < CELLS) grid[r * CELLS + c] += 1 / (1 + dr * dr + dc * dc);
      }
  });
  for (const [label, grid] of [...grids].sort((a, b) => Math.max(...b[1]) - Math.max(...a[1]))) {
    let best = -1;
    grid.forEach((value, k) => {
      const clear = taken.every(
        ([r, c]) => Math.abs(r - Math.floor(k / CELLS)) > 2 || Math.abs(c - (k % CELLS)) > 4,
      );
      if (clear && (best < 0 || value > grid[best])) best = k;
    });
    if (best < 0) continue;
    const row = Math.floor(best / CELLS),
      column = best % CELLS;
    taken.push([row, column]);
    places.set(label, {
      name: names[label] ?? String(label),
      uv: [u0 + ((column + 0.5) / CELLS) * (u1 - u0), v0 + ((row + 0.5) / CELLS) * (v1 - v0)],
    });
  }
  return places;
}

// The outline of `sigmas` standard deviations of N(mu, diag(exp logvar)) seen on a linear chart: 64 places.
export function ellipse(at, logvar, basis, sigmas) {
  let a = 0,
    b = 0,
    d = 0;
  logvar.forEach((l, k) => {
    const variance = Math.exp(l);
    a += basis[0][k] ** 2 * variance;
    b += basis[0][k] * basis[1][k] * variance;
    d += basis[1][k] ** 2 * variance;
  });
  const l11 = Math.sqrt(a),
    l21 = l11 ? b / l11 : 0,
    l22 = Math.sqrt(Math.max(0, d - l21 * l21));
  return Array.from({ length: 64 }, (_, k) => {
    const c = Math.cos((k / 32) * Math.PI) * sigmas,
      w = Math.sin((k / 32) * Math.PI) * sigmas;
    return [at[0] + l11 * c, at[1] + l21 * c + l22 * w];
  });
}

export const outline = (plot, places) =>
  s("path", {
    class: "mark__spread",
    d: `M${places
      .map(([u, v]) =>
        plot
          .toPx(u, v)
          .map((p) => p.toFixed(1))
          .join(" "),
      )
      .join("L")}Z`,
  });

function cross(plot, uv, name) {
  const [x, y] = plot.toPx(...uv),
    arm = 9;
  return s("path", {
    class: name,
    d: `M${x - arm} ${y}H${x - 3}M${x + 3} ${y}H${x + arm}M${x} ${y - arm}V${y - 3}M${x} ${y + 3}V${y + arm}`,
  });
}

function ring(plot, uv, name) {
  const [x, y] = plot.toPx(...uv);
  return s("circle", { class: name, cx: x, cy: y, r: 7 });
}

function spread(plot, { spreads = [], samples = [] }) {
  return [
    ...spreads.map((places) => outline(plot, places)),
    ...samples.map(([u, v]) => {
      const [x, y] = plot.toPx(u, v);
      return s("circle", { class: "mark__sample", cx: x, cy: y, r: 1.6 });
    }),
  ];
}

// The three images that a plane goes through.
function triangle(plot, corners) {
  const at = corners.map((uv) => plot.toPx(...uv)),
    path = `M${at.map((p) => p.join(" ")).join("L")}Z`,
    middle = [0, 1].map((d) => (at[0][d] + at[1][d] + at[2][d]) / 3);
  return [
    s("path", { class: "mark__plane mark__plane--halo", d: path }),
    s("path", { class: "mark__plane", d: path }),
    ...at.flatMap(([x, y], k) => {
      const far = Math.hypot(x - middle[0], y - middle[1]) || 1,
        out = [x + (14 * (x - middle[0])) / far, y + (14 * (y - middle[1])) / far];
      return [
        s("circle", { class: "mark__corner", cx: x, cy: y, r: 4 }),
        s("text", { class: "mark__name mark__letter", x: out[0], y: out[1] + 5 }, CORNERS[k]),
      ];
    }),
  ];
}

// What follows the pointer: {here: uv, spreads, samples}
export function drawLive(plot, { here, ...over }) {
  if (plot.view)
    fill(
      plot.live,
      spread(plot, over),
      here ? [cross(plot, here, "mark__here mark__here--halo"), cross(plot, here, "mark__here")] : [],
    );
}

// marks: {names, hidden, corners: [uv, uv, uv], spreads: [[uv...]], samples: [uv...], selected: uv, drawn: uv}
export function drawMarks(plot, marks) {
  if (!plot.view) return;
  const kids = spread(plot, marks);
  for (const [label, { name, uv }] of marks.names ?? []) {
    if (marks.hidden?.has(label)) continue;
    const [x, y] = plot.toPx(...uv);
    if (plot.inside(x, y)) kids.push(s("text", { class: "mark__name", x, y: y + 5 }, name));
  }
  if (marks.corners) kids.push(...triangle(plot, marks.corners));
  if (marks.selected)
    kids.push(
      ring(plot, marks.selected, "mark__selected mark__selected--halo"),
      ring(plot, marks.selected, "mark__selected"),
    );
  if (marks.drawn) {
    const [x, y] = plot.toPx(...marks.drawn);
    kids.push(s("circle", { class: "mark__drawn", cx: x, cy: y, r: 4.5 }));
  }
  fill(plot.still, kids);
}
