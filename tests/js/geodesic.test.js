// The search for the shortest path: against relaxing every edge, and on surfaces whose geodesics are known.
import assert from "node:assert/strict";
import test from "node:test";
import { chance, near } from "./chance.js";
import { apart, dijkstra, evenly, Lattice, relax, walked } from "../../vae/ui/static/js/space/geodesic.js";

function finish(search) {
  let step = search.next();
  while (!step.done) step = search.next();
  return step.value;
}

test("the way found over a lattice is as short as relaxing every edge again and again makes it (Bellman 1958)", () => {
  const lattice = new Lattice([0, 0], [3, 1], { between: 6, beyond: 2, beside: 4 }),
    heights = chance()(lattice.columns * lattice.rows),
    image = (node) => [...lattice.place(node), 2 * heights[node]],
    cost = (one, other) => apart(image(one), image(other)),
    nodes = Array.from({ length: lattice.columns * lattice.rows }, (_, node) => node),
    best = nodes.map((node) => (node === lattice.from ? 0 : Infinity));
  for (let changed = true; changed;) {
    changed = false;
    for (const node of nodes)
      for (const next of lattice.edges(node)) {
        const length = best[node] + cost(node, next);
        if (length < best[next] - 1e-12) [best[next], changed] = [length, true];
      }
  }
  const edges = (node) => lattice.edges(node),
    plain = finish(dijkstra({ from: lattice.from, to: lattice.to, edges, cost })),
    bound = (node) => apart(image(node), image(lattice.to)),
    guided = finish(dijkstra({ from: lattice.from, to: lattice.to, edges, cost, bound }));
  for (const { nodes: way, length } of [plain, guided]) {
    assert.ok(Math.abs(length - best[lattice.to]) < 1e-9);
    const sum = way.slice(1).reduce((total, node, k) => total + cost(way[k], node), 0);
    assert.ok(Math.abs(sum - length) < 1e-9);
    assert.deepEqual([way[0], way.at(-1)], [lattice.from, lattice.to]);
  }
  assert.ok(guided.seen <= plain.seen);
});

test("a lattice begins at A, ends at B, and its finer one has the same ends", () => {
  const lattice = new Lattice([1, 2], [-3, 5], { between: 4, beyond: 1, beside: 2 }),
    { fine, near: open } = lattice.finer([lattice.from, lattice.to], 2);
  for (const one of [lattice, fine]) {
    near(one.place(one.from), [1, 2], 1e-12);
    near(one.place(one.to), [-3, 5], 1e-12);
  }
  assert.ok(open.has(fine.from) && open.has(fine.to));
});

test("places evenly along a line are equally far from each other along it", () => {
  const line = [
      [0, 0],
      [3, 0],
      [3, 1],
    ],
    places = evenly(line, 9);
  near(places.flat(), [0, 0, 0.5, 0, 1, 0, 1.5, 0, 2, 0, 2.5, 0, 3, 0, 3, 0.5, 3, 1], 1e-12);
  near([...walked(line)], [0, 3, 4], 1e-12);
});

test("a line relaxed on a sphere comes to rest on the great circle between its ends", () => {
  // latitude and longitude as the plane, places on the sphere as images
  const decode = ([u, v]) => [Math.cos(u) * Math.cos(v), Math.cos(u) * Math.sin(v), Math.sin(u)],
    tangents = ([u, v]) => [
      [-Math.sin(u) * Math.cos(v), -Math.sin(u) * Math.sin(v), Math.cos(u)],
      [-Math.cos(u) * Math.sin(v), Math.cos(u) * Math.cos(v), 0],
    ],
    ends = [
      [0.9, 0],
      [0.9, 1.6],
    ],
    points = evenly(ends, 25),
    images = points.map(decode),
    [a, b] = ends.map(decode),
    circle = Math.acos(a.reduce((sum, value, k) => sum + value * b[k], 0)),
    length = () => walked(images).at(-1),
    before = length();
  for (let turn = 0; turn < 400; turn += 1) if (!relax(points, images, decode, tangents)) break;
  assert.ok(before > 1.05 * circle);
  assert.ok(Math.abs(length() / circle - 1) < 2e-3, `${length()} is not ${circle}`);
  assert.deepEqual([points[0], points.at(-1)], ends);
});
