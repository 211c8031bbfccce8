// Nearest codes, votes, support and trust against counting everything.
import assert from "node:assert/strict";
import test from "node:test";
import { chance, near } from "./chance.js";
import { Codes, pointwise, supportAt } from "../../vae/ui/static/js/space/neighbours.js";

const N = 300,
  Z = 7,
  draw = chance(),
  data = draw(N * Z).map((value, k) => value * (1 + (k % Z))), // as codes are: wider in some dimensions
  labels = Uint8Array.from({ length: N }, (_, i) => (i * i) % 5),
  codes = new Codes(data, Z, labels);

const row = (points, width, i) => points.subarray(i * width, (i + 1) * width);
const distance = (a, b) => Math.hypot(...Array.from(a, (value, k) => value - b[k]));
// Every row by its distance to a place, nearest first.
const ranked = (points, width, place, leave = -1) =>
  Array.from({ length: points.length / width }, (_, i) => [distance(row(points, width, i), place), i])
    .filter(([, i]) => i !== leave)
    .sort(([a], [b]) => a - b);

test("the nearest codes are those that sorting all of them puts first, with or without a code itself", () => {
  for (let turn = 0; turn < 20; turn += 1) {
    const z = draw(Z).map((value) => 4 * value),
      leave = turn % 2 ? turn : -1,
      { rows, distances } = codes.nearest(z, 15, leave),
      sorted = ranked(data, Z, z, leave).slice(0, 15);
    assert.deepEqual(
      [...rows],
      sorted.map(([, i]) => i),
    );
    near(
      [...distances],
      sorted.map(([d]) => d),
      1e-5,
    );
  }
});

test("votes are the shares of labels among the fifteen nearest", () => {
  const z = draw(Z),
    counts = {};
  for (const [, i] of ranked(data, Z, z).slice(0, 15)) counts[labels[i]] = (counts[labels[i]] ?? 0) + 1;
  const { label_votes: votes, distance: first } = codes.ask(z);
  assert.deepEqual(Object.keys(votes), Object.keys(counts));
  for (const [label, share] of Object.entries(votes)) assert.ok(Math.abs(share - counts[label] / 15) < 1e-12);
  assert.ok(Math.abs(first - ranked(data, Z, z)[0][0]) < 1e-5);
});

test("gaps are the distances of codes to their nearest others, ascending; support is the share that is larger", () => {
  const wanted = Array.from({ length: N }, (_, i) => ranked(data, Z, row(data, Z, i), i)[0][0]).sort(
      (a, b) => a - b,
    ),
    gaps = codes.gaps();
  near([...gaps], wanted, 1e-5);
  for (const at of [0, gaps[0], gaps[10], (gaps[40] + gaps[41]) / 2, gaps[N - 1], 1e6])
    assert.equal(supportAt(gaps, at), gaps.filter((gap) => gap > at).length / N);
});

test("the mean of pointwise trust is trustworthiness by its definition (Venna and Kaski 2001)", () => {
  const k = 15,
    width = 2,
    view = Float32Array.from(
      { length: N * width },
      (_, n) => data[Math.floor(n / width) * Z + 5 + (n % width)],
    );
  let penalty = 0;
  for (let i = 0; i < N; i += 1) {
    const rank = new Map(ranked(data, Z, row(data, Z, i), i).map(([, j], place) => [j, place + 1]));
    for (const [, j] of ranked(view, width, row(view, width, i), i).slice(0, k))
      penalty += Math.max(0, rank.get(j) - k);
  }
  const wanted = 1 - (2 * penalty) / (N * k * (2 * N - 3 * k - 1)),
    values = pointwise(data, Z, view, width);
  assert.ok(wanted < 0.999); // the view loses something
  assert.ok(Math.abs(values.reduce((a, b) => a + b, 0) / N - wanted) < 1e-6);
});
