// How far neighbours in one space are neighbours in another, as vae/neighbours.py counts it. No DOM: a worker runs this.
import { Codes, VOTERS } from "./neighbours.js";

// For every point: 1 where its k nearest in `view` (rows of `width`) are among its k nearest in `space` (rows of `size`) too, less the farther off they are there
// (Venna & Kaski 2001). Its mean is trustworthiness; with the two exchanged, continuity. Ranks are counted, not sorted: every pair is measured once, and given up
// as soon as it is farther apart than the neighbours of both.
export function pointwise(space, size, view, width, wanted = VOTERS) {
  const near = new Codes(view, width, null),
    { sorted, count: n } = new Codes(space, size, null),
    k = Math.min(wanted, Math.floor((n - 1) / 2));
  const limits = new Float32Array(n * k),
    most = new Float32Array(n),
    counts = new Int32Array(n * k),
    own = new Float32Array(size);
  for (let i = 0; i < n; i += 1) {
    const { rows } = near.nearest(view.subarray(i * width, (i + 1) * width), k, i),
      mine = limits.subarray(i * k, (i + 1) * k);
    for (let m = 0; m < k; m += 1) {
      let sum = 0;
      for (let d = 0; d < size; d += 1) sum += (sorted[i * size + d] - sorted[rows[m] * size + d]) ** 2;
      mine[m] = sum; // rounded to a float as every distance below, so that a neighbour is never nearer than itself
    }
    mine.sort();
    most[i] = mine[k - 1];
  }
  // The first of a point's neighbours that lies farther from it than `distance`.
  const note = (i, distance) => {
    let m = i * k + k - 1;
    while (m > i * k && limits[m - 1] > distance) m -= 1;
    counts[m] += 1;
  };
  for (let i = 0; i < n; i += 1) {
    own.set(sorted.subarray(i * size, (i + 1) * size));
    const mine = most[i];
    for (let j = i + 1, at = j * size; j < n; j += 1, at += size) {
      const far = most[j] > mine ? most[j] : mine;
      let sum = 0,
        d = 0;
      for (; d + 4 <= size && sum <= far; d += 4) {
        const p = own[d] - sorted[at + d],
          q = own[d + 1] - sorted[at + d + 1],
          r = own[d + 2] - sorted[at + d + 2],
          t = own[d + 3] - sorted[at + d + 3];
        sum += p * p + q * q + r * r + t * t;
      }
      for (; d < size && sum <= far; d += 1) {
        const p = own[d] - sorted[at + d];
        sum += p * p;
      }
      if (sum >= far) continue;
      const distance = Math.fround(sum);
      if (distance < mine) note(i, distance);
      if (distance < most[j]) note(j, distance);
    }
  }
  return Float32Array.from({ length: n }, (_, i) => {
    let rank = 1,
      penalty = 0;
    for (let m = i * k; m < (i + 1) * k; m += 1) {
      rank += counts[m];
      penalty += Math.max(0, rank - k);
    }
    return 1 - (2 * penalty) / (k * (2 * n - 3 * k - 1));
  });
}
