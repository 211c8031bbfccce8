// Numbers that are the same at every run (Park and Miller 1988), and how near two lists are.
import assert from "node:assert/strict";

export function chance(seed = 7) {
  let state = seed;
  const next = () => {
    state = (state * 48271) % 2147483647;
    return (2 * state) / 2147483647 - 1;
  };
  return (count) => Float32Array.from({ length: count }, next);
}

export function near(found, wanted, within) {
  assert.equal(found.length, wanted.length);
  found.forEach((value, k) =>
    assert.ok(Math.abs(value - wanted[k]) <= within, `${value} is not ${wanted[k]}`),
  );
}
