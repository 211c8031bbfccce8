// What several chosen codes have in common: their mean, their classes, their divergence from the prior, and all of them as a table. No DOM.

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
