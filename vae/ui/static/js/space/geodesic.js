// The shortest path over the plane of a chart: over a lattice of images, then smoothed; and the pictures along any path. Pure: no DOM, no store; the worker runs it.
import { supportOf } from "./field.js";
import { walk } from "./latent.js";

// The Euclidean norm of the difference of two images.
export function apart(x, y) {
  let sum = 0;
  for (let i = 0; i < x.length; i += 1) sum += (x[i] - y[i]) ** 2;
  return Math.sqrt(sum);
}

// What has been walked from the first to each of the images (or places).
export function walked(images) {
  const out = new Float64Array(images.length);
  for (let i = 1; i < out.length; i += 1) out[i] = out[i - 1] + apart(images[i - 1], images[i]);
  return out;
}

// `count` places evenly along a line of points, ends included, by what is `gone` at each point: its length, or another measure of the same way.
export function evenly(points, count, gone = walked(points)) {
  const whole = gone[gone.length - 1];
  let at = 0;
  return Array.from({ length: count }, (_, i) => {
    const wanted = (whole * i) / (count - 1);
    while (at < points.length - 2 && gone[at + 1] < wanted) at += 1;
    const step = gone[at + 1] - gone[at],
      t = step > 0 ? Math.min(1, (wanted - gone[at]) / step) : 0;
    return points[at].map((v, k) => v + t * (points[at + 1][k] - v));
  });
}

// A binary heap of [key, value], the smallest key first.
class Heap {
  constructor() {
    this.items = [];
  }

  push(item) {
    const { items } = this;
    let i = items.length;
    items.push(item);
    for (let up = (i - 1) >> 1; i > 0 && items[up][0] > item[0]; up = (i - 1) >> 1)
      ((items[i] = items[up]), (i = up));
    items[i] = item;
  }

  pop() {
    const { items } = this,
      top = items[0],
      last = items.pop();
    let i = 0;
    if (!items.length) return top;
    for (let down = 1; down < items.length; down = 2 * i + 1) {
      if (down + 1 < items.length && items[down + 1][0] < items[down][0]) down += 1;
      if (items[down][0] >= last[0]) break;
      ((items[i] = items[down]), (i = down));
    }
    items[i] = last;
    return top;
  }
}

// The shortest way from one node to another (Dijkstra 1959): {nodes, length, seen}. `bound(node)` is never more than what is left to go and never falls
// faster than an edge costs (Hart, Nilsson and Raphael 1968): the answer is the same, fewer nodes are visited. Yields the count of nodes visited so far.
/** @param {{from: number, to: number, edges: (node: number) => number[], cost: (one: number, other: number) => number, bound?: (node: number) => number}} graph */
export function* dijkstra({ from, to, edges, cost, bound = () => 0 }) {
  const best = new Map([[from, 0]]),
    before = new Map(),
    done = new Set(),
    heap = new Heap();
  heap.push([bound(from), from]);
  while (heap.items.length) {
    const [, node] = heap.pop();
    if (done.has(node)) continue;
    done.add(node);
    if (node === to) break;
    for (const next of edges(node)) {
      if (done.has(next)) continue;
      const length = best.get(node) + cost(node, next);
      if (length >= (best.get(next) ?? Infinity)) continue;
      best.set(next, length);
      before.set(next, node);
      heap.push([length + bound(next), next]);
    }
    yield done.size;
  }
  const nodes = [to];
  while (before.has(nodes[0])) nodes.unshift(before.get(nodes[0]));
  return { nodes, length: best.get(to) ?? Infinity, seen: done.size };
}

const STEPS = [
  [1, 0],
  [0, 1],
  [1, 1],
  [1, -1],
  [2, 1],
  [2, -1],
  [1, 2],
  [1, -2],
].flatMap(([i, j]) => [
  [i, j],
  [-i, -j],
]); // sixteen neighbours

// Nodes on the plane, turned so that the straight way from a to b runs along a row of them: `between` steps from a to b, `beyond` on behind each, `beside` to either side.
export class Lattice {
  constructor(a, b, { between, beyond, beside }) {
    const right = [(b[0] - a[0]) / between, (b[1] - a[1]) / between];
    this.a = a;
    this.b = b;
    this.right = right;
    this.up = [-right[1], right[0]];
    this.between = between;
    this.beyond = beyond;
    this.beside = beside;
    this.columns = between + 2 * beyond + 1;
    this.rows = 2 * beside + 1;
    this.from = this.node(beyond, beside);
    this.to = this.node(beyond + between, beside);
  }

  node(column, row) {
    return row * this.columns + column;
  }

  place(node) {
    const i = (node % this.columns) - this.beyond,
      j = Math.floor(node / this.columns) - this.beside;
    return [this.a[0] + i * this.right[0] + j * this.up[0], this.a[1] + i * this.right[1] + j * this.up[1]];
  }

  edges(node) {
    const column = node % this.columns,
      row = Math.floor(node / this.columns),
      out = [];
    for (const [i, j] of STEPS) {
      const c = column + i,
        r = row + j;
      if (c >= 0 && r >= 0 && c < this.columns && r < this.rows) out.push(this.node(c, r));
    }
    return out;
  }

  // Whether a node lies on the straight way.
  straight(node) {
    return Math.floor(node / this.columns) === this.beside;
  }

  // The same part of the plane in steps half as long, and which of its nodes lie near a way through this one.
  finer(nodes, reach) {
    const { columns, beyond, beside, between } = this,
      fine = new Lattice(this.a, this.b, { between: 2 * between, beyond: 2 * beyond, beside: 2 * beside }),
      near = new Set();
    for (const node of nodes) {
      const column = 2 * (node % columns),
        row = 2 * Math.floor(node / columns);
      for (let c = Math.max(0, column - reach); c <= Math.min(fine.columns - 1, column + reach); c += 1)
        for (let r = Math.max(0, row - reach); r <= Math.min(fine.rows - 1, row + reach); r += 1)
          near.add(fine.node(c, r));
    }
    return { fine, near };
  }
}

// One turn of relaxation of a line of points on the plane: each inner point goes where its image lies in the middle of its neighbours' (one Gauss-Newton step
// with the image's derivatives along the plane), and only if the two pieces beside it do not get longer and the place is `inside`. points and images are changed; gives how many moved.
/**
 * @param {number[][]} points
 * @param {ArrayLike<number>[]} images
 * @param {(place: number[]) => ArrayLike<number>} decode
 * @param {(place: number[]) => ArrayLike<number>[]} tangents
 * @param {(place: number[]) => boolean} inside
 */
export function relax(points, images, decode, tangents, inside = () => true) {
  let moved = 0;
  for (let i = 1; i < points.length - 1; i += 1) {
    const [x, y, z] = [images[i - 1], images[i], images[i + 1]],
      [a, b] = tangents(points[i]);
    let aa = 1e-9,
      ab = 0,
      bb = 1e-9,
      ar = 0,
      br = 0;
    for (let k = 0; k < y.length; k += 1) {
      const r = (x[k] + z[k]) / 2 - y[k];
      ((aa += a[k] * a[k]), (ab += a[k] * b[k]), (bb += b[k] * b[k]), (ar += a[k] * r), (br += b[k] * r));
    }
    const det = aa * bb - ab * ab,
      step = [(bb * ar - ab * br) / det, (aa * br - ab * ar) / det];
    const reach = Math.min(
      1,
      Math.hypot(points[i + 1][0] - points[i - 1][0], points[i + 1][1] - points[i - 1][1]) /
        (2 * Math.hypot(...step) || 1),
    );
    if (!Number.isFinite(reach * step[0])) continue;
    const place = points[i].map((v, k) => v + reach * step[k]),
      image = decode(place);
    const [before, after] = [
        [apart(x, y), apart(y, z)],
        [apart(x, image), apart(image, z)],
      ],
      square = (pair) => pair[0] ** 2 + pair[1] ** 2;
    if (after[0] + after[1] > before[0] + before[1] || square(after) >= square(before) || !inside(place))
      continue;
    [points[i], images[i]] = [place, image];
    moved += 1;
  }
  return moved;
}

const TURN_MS = 80; // of arithmetic before the worker looks at its next question

// Places of z as the page shows them, drawn as the class `label` where the model is conditional.
function shown(model, chart, zs, label) {
  const { net } = model;
  return {
    zs: zs.map((z) => Array.from(z)),
    uvs: zs.map((z) => chart.toPlane(z)),
    supports: zs.map((z) => supportOf(model, z)),
    images: zs.map((z) => Uint8ClampedArray.from(net.decode(z, undefined, label), (p) => p * 255)),
  };
}

// The straight or spherical path between two z: `count` pictures along it, and its line on the chart.
export function strip(model, chart, { ends, method, count, points, label }) {
  const line = chart.basis && method === "linear" ? [ends[0], ends[1]] : walk(...ends, points, method);
  return {
    ...shown(model, chart, walk(...ends, count, method), label),
    line: line.map((z) => chart.toPlane(z)),
  };
}

// The sum of pixel distances over `samples` even steps along a list of latents' places, decoded one after the other; yields now and then.
function* lengthOf(net, zs, label) {
  const gone = new Float64Array(zs.length);
  let [last, now] = [new Float32Array(net.pixels), new Float32Array(net.pixels)];
  net.decode(zs[0], last, label);
  for (let i = 1; i < zs.length; i += 1) {
    gone[i] = gone[i - 1] + apart(last, net.decode(zs[i], now, label));
    [last, now] = [now, last];
    if (i % 16 === 0) yield { seen: 0 };
  }
  return gone;
}

// question: {kind: "length", ends: [z, z], method, samples, label} or {kind: "shortest", a, b (places), samples, count, lattice, near, points, sweeps, same, gain, label}
export function* seek(model, chart, question) {
  const { net } = model,
    { samples, label } = question;
  if (question.kind === "length") {
    const gone = yield* lengthOf(net, walk(...question.ends, samples + 1, question.method), label);
    return { length: gone[samples] };
  }
  const { a, b, count, sweeps, same, gain: least } = question,
    latent = (uv) => chart.toLatent(uv),
    decode = (uv) => net.decode(latent(uv), undefined, label),
    scratch = new Float32Array(net.pixels);
  const measure = function* (points) {
    const places = evenly(points, samples + 1),
      gone = yield* lengthOf(net, places.map(latent), label);
    return { points, places, gone, length: gone[samples] };
  };
  const straight = yield* measure([a, b]);

  // Over the lattice, then over one twice as fine, near the way found. Far from every code a decoder hardly changes, and a way around through nowhere would
  // always be short: places farther out than all codes are from each other are left out, but for the straight way itself.
  const inside = (uv) => supportOf(model, latent(uv)) > 0;
  const find = function* (lattice, near) {
    const kept = new Map(),
      open = new Map(),
      most = near?.size ?? lattice.columns * lattice.rows;
    const allowed = (node) =>
      (!near || near.has(node)) &&
      (lattice.straight(node) ||
        (open.get(node) ?? (open.set(node, inside(lattice.place(node))), open.get(node))));
    const image = (node) => kept.get(node) ?? (kept.set(node, decode(lattice.place(node))), kept.get(node)),
      goal = image(lattice.to);
    const search = dijkstra({
      from: lattice.from,
      to: lattice.to,
      edges: (node) => lattice.edges(node).filter(allowed),
      cost: (one, other) => apart(image(one), image(other)),
      bound: (node) => apart(image(node), goal),
    });
    let step = search.next();
    for (; !step.done; step = search.next()) yield { seen: kept.size, most };
    const { nodes } = step.value;
    return { nodes, places: nodes.map((node) => lattice.place(node)), images: nodes.map(image) };
  };
  const lattice = new Lattice(a, b, question.lattice),
    coarse = yield* find(lattice),
    { fine, near } = lattice.finer(coarse.nodes, question.near);
  const way = yield* find(fine, near);
  let best = yield* measure(way.places);
  if (straight.length < best.length) best = straight;

  // A lattice knows sixteen directions; from here the line finds its own.
  const points = evenly(way.places, question.points, walked(way.images)),
    images = points.map(decode);
  for (let turn = 1; turn <= sweeps; turn += 1) {
    const moved = relax(
      points,
      images,
      decode,
      (uv) => net.tangents(latent(uv), chart.basis, scratch, label),
      inside,
    );
    yield { turn, sweeps, line: points.slice() };
    if (moved && turn % 4 !== 0 && turn < sweeps) continue;
    const now = yield* measure(points.slice()),
      gain = 1 - now.length / best.length;
    if (now.length < best.length) best = now;
    if (!moved || gain < least) break;
  }
  const asShort = best.length >= straight.length * (1 - same);
  if (asShort) best = straight;
  return {
    ...shown(model, chart, evenly(best.places, count, best.gone).map(latent), label),
    line: best.points,
    length: best.length,
    straight: straight.length,
    asShort,
  };
}

// Goes on with a search for a while: {done: false, ...how far} or {done: true, ...answer}.
export function turns(search) {
  const end = performance.now() + TURN_MS;
  let step = search.next();
  while (!step.done && performance.now() < end) step = search.next();
  return { done: step.done, ...step.value };
}
