// Arithmetic of latents: ways between two of them, and what several codes have in common. Pure: no DOM, no store; workers use it too.

const dot = (a, b) => a.reduce((sum, v, k) => sum + v * b[k], 0);

const norm = (a) => Math.sqrt(dot(a, a));

const lerp = (a, b, t) => Float32Array.from(a, (v, k) => v + t * (b[k] - v));

// Spherical interpolation (Shoemake 1985): the angle turns evenly; straight where it is undefined or its sine vanishes, as vae/space/latent.py.
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

// Why there is no spherical path from a to b: an end is the origin, or they lie opposite to each other; null where there is one.
export function noSphere(a, b) {
  if (norm(a) < NIL) return { why: "origin", end: "A" };
  if (norm(b) < NIL) return { why: "origin", end: "B" };
  return dot(a, b) / (norm(a) * norm(b)) < -1 + NIL ? { why: "opposite" } : null;
}

// `count` places from a to b, ends included.
export const walk = (a, b, count, method) =>
  Array.from({ length: count }, (_, i) => (method === "slerp" ? slerp : lerp)(a, b, i / (count - 1)));

// The mean of the chosen mu.
export function meanOf({ mu, codes: { size } }, indices) {
  const out = new Float64Array(size);
  for (const i of indices) for (let k = 0; k < size; k += 1) out[k] += mu[i * size + k];
  return Float32Array.from(out, (sum) => sum / indices.length);
}

// The chosen in the order of their distance to a place, nearest first.
export function byDistance({ mu, codes: { size } }, indices, z) {
  const far = new Map();
  for (const i of indices) far.set(i, Math.hypot(...Array.from(z, (value, k) => mu[i * size + k] - value)));
  return Array.from(indices).sort((a, b) => far.get(a) - far.get(b));
}

// [label, count] of every class that is there, the largest first.
export function classesOf(labels, indices) {
  const counts = new Map();
  for (const i of indices) counts.set(labels[i], (counts.get(labels[i]) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

// The mean of a figure over the chosen; over all where none are named.
export function meanFigure(values, indices = null) {
  let sum = 0;
  if (indices) for (const i of indices) sum += values[i];
  else for (const value of values) sum += value;
  return sum / (indices ?? values).length;
}

// index, label, mu and logvar of the chosen, every digit of every number: what is read back is the file's own half floats.
export function tableOf({ mu, logvar, labels, codes: { size } }, indices) {
  const names = (what) => Array.from({ length: size }, (_, k) => `${what}_${k}`),
    rows = [["index", "label", ...names("mu"), ...names("logvar")].join(",")];
  for (const i of indices)
    rows.push(
      [
        i,
        labels[i],
        ...mu.subarray(i * size, (i + 1) * size),
        ...logvar.subarray(i * size, (i + 1) * size),
      ].join(","),
    );
  return `${rows.join("\n")}\n`;
}

// KL(N(mu, diag exp logvar) || N(0, I)) of every code, in nats.
export function klOf({ mu, logvar, codes: { size, count } }) {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 1)
    for (let k = i * size; k < (i + 1) * size; k += 1)
      out[i] += 0.5 * (mu[k] * mu[k] + Math.exp(logvar[k]) - logvar[k] - 1);
  return out;
}

// Standard normal numbers that are the same at every visit (Box and Muller 1958).
function normals(count) {
  let state = 1;
  const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647;
  return Float64Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

// `count` draws of z from the posterior of code `index`: the same at every visit.
export function posteriorDraws({ mu, logvar, codes: { size } }, index, count) {
  const eps = normals(count * size),
    from = index * size;
  return Array.from({ length: count }, (_, n) =>
    Float32Array.from(
      { length: size },
      (_, k) => mu[from + k] + Math.exp(logvar[from + k] / 2) * eps[n * size + k],
    ),
  );
}
