// Ways between latents by closed forms, and figures of several codes by counting.
import assert from "node:assert/strict";
import test from "node:test";
import { chance, near } from "./chance.js";
import {
  byDistance,
  classesOf,
  klOf,
  meanOf,
  noSphere,
  posteriorDraws,
  slerp,
  tableOf,
  walk,
} from "../../vae/ui/static/js/space/latent.js";

const draw = chance();
const norm = (z) => Math.hypot(...z);

test("a spherical way turns evenly along a great circle; a straight one goes evenly", () => {
  const a = [2, 0, 0],
    b = [0, 2, 0];
  for (const t of [0, 0.25, 0.5, 0.8, 1])
    near(slerp(a, b, t), [2 * Math.cos((t * Math.PI) / 2), 2 * Math.sin((t * Math.PI) / 2), 0], 1e-6);
  near(
    walk([0, 1], [4, -1], 5, "linear").flatMap((z) => [...z]),
    [0, 1, 1, 0.5, 2, 0, 3, -0.5, 4, -1],
    1e-6,
  );
});

test("a spherical way is straight where the angle vanishes, and is refused where it is not defined", () => {
  const a = [1, 2, 3];
  near(slerp(a, [2, 4, 6], 0.5), [1.5, 3, 4.5], 1e-6);
  assert.deepEqual(noSphere([0, 0, 0], a), { why: "origin", end: "A" });
  assert.deepEqual(noSphere(a, [0, 0, 0]), { why: "origin", end: "B" });
  assert.deepEqual(noSphere(a, [-2, -4, -6]), { why: "opposite" });
  assert.equal(noSphere(a, [1, 0, 0]), null);
});

test("kl of a code is the integral of q log(q / p) over its one dimension", () => {
  const cases = [
    [0, 0],
    [1.5, -2],
    [-0.7, 0.6],
  ];
  for (const [mu, logvar] of cases) {
    const sd = Math.exp(logvar / 2),
      normal = (z, m, s) => Math.exp(-0.5 * ((z - m) / s) ** 2) / (s * Math.sqrt(2 * Math.PI)),
      step = sd / 200;
    let sum = 0;
    for (let z = mu - 9 * sd; z < mu + 9 * sd; z += step) {
      const q = normal(z, mu, sd);
      sum += q * Math.log(q / normal(z, 0, 1)) * step;
    }
    const [found] = klOf({ mu: [mu], logvar: [logvar], codes: { size: 1, count: 1 } });
    assert.ok(Math.abs(found - sum) < 1e-4, `${found} is not ${sum}`);
  }
});

test("draws from a posterior have its mean and its spread, and are the same at every visit", () => {
  const model = {
      mu: Float32Array.of(9, 9, 1, -2),
      logvar: Float32Array.of(0, 0, 0.4, -1),
      codes: { size: 2 },
    },
    count = 4000,
    draws = posteriorDraws(model, 1, count);
  for (const k of [0, 1]) {
    const mean = draws.reduce((sum, z) => sum + z[k], 0) / count,
      variance = draws.reduce((sum, z) => sum + (z[k] - mean) ** 2, 0) / count,
      wanted = Math.exp(model.logvar[2 + k]);
    assert.ok(Math.abs(mean - model.mu[2 + k]) < (5 * Math.sqrt(wanted)) / Math.sqrt(count));
    assert.ok(Math.abs(variance / wanted - 1) < 5 * Math.sqrt(2 / count));
  }
  assert.deepEqual(draws[17], posteriorDraws(model, 1, count)[17]);
});

test("mean, order, classes and table of chosen codes are those of the rows themselves", () => {
  const size = 3,
    mu = draw(10 * size),
    logvar = draw(10 * size),
    labels = Uint8Array.of(1, 1, 2, 0, 1, 2, 2, 2, 0, 1),
    model = { mu, logvar, labels, codes: { size } },
    chosen = Int32Array.of(1, 4, 5, 8),
    mean = meanOf(model, chosen);
  for (let k = 0; k < size; k += 1)
    assert.ok(Math.abs(mean[k] - [...chosen].reduce((sum, i) => sum + mu[i * size + k], 0) / 4) < 1e-6);
  const far = (i) => norm(mean.map((value, k) => value - mu[i * size + k]));
  assert.deepEqual(
    byDistance(model, chosen, mean),
    [...chosen].sort((a, b) => far(a) - far(b)),
  );
  assert.deepEqual(classesOf(labels, chosen), [
    [1, 2],
    [0, 1],
    [2, 1],
  ]);
  const [head, ...rows] = tableOf(model, chosen).trim().split("\n");
  assert.equal(head, "index,label,mu_0,mu_1,mu_2,logvar_0,logvar_1,logvar_2");
  const read = rows[2].split(",").map(Number);
  assert.deepEqual(read, [5, 2, ...mu.subarray(15, 18), ...logvar.subarray(15, 18)]);
});
