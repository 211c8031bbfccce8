// The two maps of a chart: a round trip on the plane, and a weighted mean counted by hand.
import assert from "node:assert/strict";
import test from "node:test";
import { chance, near } from "./chance.js";
import { axesOf, chartOf, makeChart, planeOf } from "../../vae/ui/static/js/space/chart.js";
import { Codes } from "../../vae/ui/static/js/space/neighbours.js";

const draw = chance();

test("a place of a plane leads to a latent that leads back to it, and any latent to its foot on the plane", () => {
  const basis = [
      [0.6, 0.8, 0],
      [0, 0, 1],
    ],
    chart = makeChart({ origin: [1, 2, 3], basis }, null);
  near(chart.toPlane(chart.toLatent([0.3, -0.7])), [0.3, -0.7], 1e-6);
  const z = draw(3),
    foot = chart.toLatent(chart.toPlane(z)),
    rest = z.map((value, k) => value - foot[k]);
  for (const direction of basis)
    assert.ok(Math.abs(direction.reduce((sum, b, k) => sum + b * rest[k], 0)) < 1e-6);
});

test("a code of a UMAP chart and its place lead to each other; between them the nearest weigh 1 / (d + 1e-6)", () => {
  const mu = draw(40 * 3),
    uv = draw(40 * 2),
    model = { key: "m", mu, codes: new Codes(mu, 3, new Uint8Array(40)) },
    chart = makeChart({ basis: null, uv }, model);
  for (const i of [0, 17, 39]) {
    near(chart.toPlane(mu.subarray(3 * i, 3 * i + 3)), uv.subarray(2 * i, 2 * i + 2), 1e-7);
    near(chart.toLatent(Array.from(uv.subarray(2 * i, 2 * i + 2))), mu.subarray(3 * i, 3 * i + 3), 1e-7);
  }
  const z = draw(3),
    distances = Array.from({ length: 40 }, (_, i) =>
      Math.hypot(...z.map((value, k) => value - mu[3 * i + k])),
    ),
    fifteen = distances
      .map((d, i) => [d, i])
      .sort(([a], [b]) => a - b)
      .slice(0, 15),
    whole = fifteen.reduce((sum, [d]) => sum + 1 / (d + 1e-6), 0),
    mean = [0, 1].map((k) => fifteen.reduce((sum, [d, i]) => sum + uv[2 * i + k] / (d + 1e-6), 0) / whole);
  near(chart.toPlane(z), mean, 1e-5);
});

test("beside a code the 1e-6 of the weights counts: at 1e-6 and 3e-6 from two codes the nearer weighs twice", () => {
  const mu = Float32Array.of(0, 0, 0, 4e-6, 0, 0),
    uv = Float32Array.of(0, 3, 3, 0),
    model = { key: "m", mu, codes: new Codes(mu, 3, new Uint8Array(2)) };
  near(makeChart({ basis: null, uv }, model).toPlane([1e-6, 0, 0]), [1, 2], 1e-3);
  const plane = { key: "m", mu: uv, codes: new Codes(uv, 2, new Uint8Array(2)) };
  near(
    makeChart({ basis: null, uv: mu.filter((_, k) => k % 3 < 2) }, plane).toLatent([1e-6, 0]),
    [1, 2],
    1e-3,
  );
});

test("a chart is made once a map, and a chart of codes is not made from another model's", () => {
  const mu = draw(60),
    model = { key: "m", mu, codes: new Codes(mu, 3, null) },
    curved = { key: "m", basis: null, uv: draw(40) };
  assert.equal(chartOf(curved, { ...model, key: "other" }), null);
  assert.equal(chartOf(curved, null), null);
  assert.equal(chartOf(curved, model), chartOf(curved, { ...model, gaps: [] }));
  const again = { ...model, codes: new Codes(draw(60), 3, null) };
  assert.notEqual(chartOf(curved, model), chartOf(curved, again)); // the same name, trained anew
});

test("the name of a chart says its axes or its images, and what they are called", () => {
  assert.deepEqual(
    [axesOf("axes:0,12"), axesOf("pca"), planeOf("plane:1,20,300")],
    [[0, 12], null, [1, 20, 300]],
  );
});
