// Paths between two places: straight, spherical, and the shortest over a lattice of images. Pure: no DOM, no store; the worker uses it too.

const dot = (a, b) => a.reduce((sum, v, k) => sum + v * b[k], 0);
const norm = (a) => Math.sqrt(dot(a, a));

const lerp = (a, b, t) => Float32Array.from(a, (v, k) => v + t * (b[k] - v));

// Spherical interpolation (Shoemake 1985): the angle turns evenly; straight where it is undefined or its sine vanishes, as vae/latent.py.
export function slerp(a, b, t) {
  const lengths = norm(a) * norm(b);
  if (lengths === 0) return lerp(a, b, t);
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(a, b) / lengths))),
    sine = Math.sin(angle);
  if (sine < 1e-6) return lerp(a, b, t);
  const [p, q] = [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
  return Float32Array.from(a, (v, k) => p * v + q * b[k]);
}

const NIL = 1e-6;
// Why there is no spherical path from a to b, as a sentence; null where there is one.
export function noSphere(a, b) {
  const zero = [
    ["A", a],
    ["B", b],
  ].find(([, z]) => norm(z) < NIL);
  if (zero)
    return `${zero[0]} is the origin z = 0, which has no direction: a spherical path is undefined there. Move ${zero[0]} a little, or take the straight path.`;
  if (dot(a, b) / (norm(a) * norm(b)) < -1 + NIL)
    return "A and B point in opposite directions, so no spherical path is shorter than the others. Move one of them a little, or take the straight path.";
  return null;
}

// `count` places from a to b, ends included.
export const walk = (a, b, count, method) =>
  Array.from({ length: count }, (_, i) => (method === "slerp" ? slerp : lerp)(a, b, i / (count - 1)));

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
    Object.assign(this, {
      a,
      b,
      right,
      up: [-right[1], right[0]],
      between,
      beyond,
      beside,
      columns: between + 2 * beyond + 1,
      rows: 2 * beside + 1,
    });
    [this.from, this.to] = [this.node(beyond, beside), this.node(beyond + between, beside)];
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
      square = ([p, q]) => p * p + q * q;
    if (after[0] + after[1] > before[0] + before[1] || square(after) >= square(before) || !inside(place))
      continue;
    [points[i], images[i]] = [place, image];
    moved += 1;
  }
  return moved;
}
