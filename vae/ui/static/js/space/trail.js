// What the worker answers about a path on the map: its pictures, their support, its pixel length, and the shortest path on a plane. No DOM.
import { carry } from "./neighbours.js";
import { latentAt, supportOf } from "./field.js";
import { apart, dijkstra, evenly, Lattice, relax, walk, walked } from "./geodesic.js";

const TURN_MS = 80; // of arithmetic before the worker looks at its next question

const placeOf = (model, chart, z) =>
  chart.basis
    ? chart.basis.map((row) => row.reduce((sum, b, k) => sum + b * (z[k] - chart.origin[k]), 0))
    : Array.from(carry(model.codes, chart.uv, 2, z));

// Places of z as the page shows them; without images where the model cannot be run here.
function shown(model, chart, zs) {
  const { net } = model;
  return {
    zs: zs.map((z) => Array.from(z)),
    uvs: zs.map((z) => placeOf(model, chart, z)),
    supports: zs.map((z) => supportOf(model, z)),
    images: net && zs.map((z) => Uint8ClampedArray.from(net.decode(z), (p) => p * 255)),
  };
}

// The straight or spherical path between two z: `count` pictures along it, and its line on the chart.
export function strip(model, chart, { ends, method, count, points }) {
  const line = chart.basis && method === "linear" ? [ends[0], ends[1]] : walk(...ends, points, method);
  return {
    ...shown(model, chart, walk(...ends, count, method)),
    line: line.map((z) => placeOf(model, chart, z)),
  };
}

// The sum of pixel distances over `samples` even steps along a list of latents' places, decoded one after the other; yields now and then.
function* lengthOf(net, zs) {
  const gone = new Float64Array(zs.length);
  let [last, now] = [new Float32Array(net.pixels), new Float32Array(net.pixels)];
  net.decode(zs[0], last);
  for (let i = 1; i < zs.length; i += 1) {
    gone[i] = gone[i - 1] + apart(last, net.decode(zs[i], now));
    [last, now] = [now, last];
    if (i % 16 === 0) yield { seen: 0 };
  }
  return gone;
}

// question: {kind: "length", ends: [z, z], method, samples} or {kind: "shortest", a, b (places), samples, count, lattice, near, points, sweeps, same, gain}
export function* seek(model, chart, question) {
  const { net } = model,
    { samples } = question;
  if (question.kind === "length") {
    const gone = yield* lengthOf(net, walk(...question.ends, samples + 1, question.method));
    return { length: gone[samples] };
  }
  const { a, b, count, sweeps, same, gain: least } = question,
    latent = (uv) => latentAt(chart, model, ...uv),
    decode = (uv) => net.decode(latent(uv)),
    scratch = new Float32Array(net.pixels);
  const measure = function* (points) {
    const places = evenly(points, samples + 1),
      gone = yield* lengthOf(net, places.map(latent));
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
      (uv) => net.tangents(latent(uv), chart.basis, scratch),
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
    ...shown(model, chart, evenly(best.places, count, best.gone).map(latent)),
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
