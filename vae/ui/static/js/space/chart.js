// Charts: the pairs of maps between the plane of a map and a latent space, as vae/space/chart.py. Pure: given the model, never a store; workers use it too.
import { Codes, carry } from "./neighbours.js";

// A plane in z: `origin` and two orthonormal directions; exact both ways on the plane.
export class LinearChart {
  constructor({ origin, basis }) {
    this.origin = origin;
    this.basis = basis;
  }

  toPlane(z) {
    return this.basis.map((row) => row.reduce((sum, b, k) => sum + b * (z[k] - this.origin[k]), 0));
  }

  toLatent([u, v], out = new Float32Array(this.origin.length)) {
    const {
      origin,
      basis: [right, up],
    } = this;
    for (let k = 0; k < out.length; k += 1) out[k] = origin[k] + u * right[k] + v * up[k];
    return out;
  }
}

// UMAP's places [u0, v0, ...] of a model's codes, read both ways through the 15 nearest; a code and its place lead to each other.
export class UmapChart {
  constructor({ uv }, { codes, mu }) {
    this.basis = null;
    this.uv = uv;
    this.codes = codes;
    this.mu = mu;
    this.places = null; // the codes' places as points to search
  }

  toPlane(z) {
    return Array.from(carry(this.codes, this.uv, 2, z));
  }

  toLatent(uv, out = new Float32Array(this.codes.size)) {
    this.places ??= new Codes(this.uv, 2, null);
    out.set(carry(this.places, this.mu, this.codes.size, uv));
    return out;
  }
}

// The chart of a drawn map {basis, origin, uv}; `model` {codes, mu} holds the codes.
/** @returns {LinearChart | UmapChart} */
export const makeChart = (frame, model) =>
  frame.basis ? new LinearChart(frame) : new UmapChart(frame, model);

const made = new WeakMap(); // frame -> its chart
// The same, made once a frame; null where the codes that it needs are not this model's.
export function chartOf(frame, model) {
  if (!frame.basis && model?.key !== frame.key) return null;
  const known = made.get(frame);
  if (known && (frame.basis || known.codes === model.codes)) return known;
  made.set(frame, makeChart(frame, model));
  return made.get(frame);
}

// ---- names

const SUB = "₀₁₂₃₄₅₆₇₈₉";

export const sub = (i) =>
  String(i)
    .split("")
    .map((d) => SUB[d])
    .join("");

export const axesOf = (chart) =>
  /^axes:(\d+),(\d+)$/
    .exec(chart ?? "")
    ?.slice(1)
    .map(Number) ?? null;

export const planeOf = (chart) =>
  /^plane:(\d{1,7}),(\d{1,7}),(\d{1,7})$/
    .exec(chart ?? "")
    ?.slice(1)
    .map(Number) ?? null;

export const CORNERS = ["a", "b", "c"];
